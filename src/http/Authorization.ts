import { Effect, Layer } from "effect"
import { Authorization, CurrentUser } from "../api/Authorization.ts"

export const layer = Layer.succeed(Authorization, {
  bearer: (handler) => Effect.provideService(handler, CurrentUser, { _tag: "Anyone" })
})
