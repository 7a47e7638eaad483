import { HttpApi, HttpApiMiddleware, OpenApi } from "effect/http-api"
import { Messages } from "./Messages.ts"
import { describeParameters } from "./OpenApiParameters.ts"
import { ValidationFailed } from "./Problems.ts"
import { System } from "./System.ts"
import { Users } from "./Users.ts"

/** Turns a request that does not decode into a 422 that names each bad field. */
export class RequestValidation extends HttpApiMiddleware.Service<RequestValidation>()(
  "minichat/api/RequestValidation",
  { error: ValidationFailed }
) {}

export const VERSION = "1.0.0"

/** The REST contract. Clients, the server, the docs and the tests are all derived from it. */
export class Api extends HttpApi.make("minichat")
  .add(Users, Messages, System)
  .middleware(RequestValidation)
  // Every bad field of a request is named, not the first one only.
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Mini Chat",
      version: VERSION,
      description:
        "A real-time chat backend. REST for users and messages; `WS /ws/{user_id}` for live events, with `?since=` to resume.\n\n" +
        "Every error is an RFC 9457 problem (`application/problem+json`) whose `detail` says what happened. " +
        "Paths are served with and without the trailing slash.",
      license: { name: "MIT" },
      transform: describeParameters
    })
  ) {}
