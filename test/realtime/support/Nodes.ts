import { Effect } from "effect"
import { startServer } from "../../support/TestServer.ts"
import { chatOn, freshServices, sharedServices } from "./ChatServer.ts"

/** Two nodes that share what they stand on. */
export const twoNodes = Effect.gen(function* () {
  const services = yield* sharedServices
  const start = Effect.flatMap(startServer(services), chatOn)
  return yield* Effect.all([start, start])
})

/** The same server twice. */
export const oneNode = Effect.gen(function* () {
  const chat = yield* chatOn(yield* startServer(yield* freshServices))
  return [chat, chat] as const
})
