import { HttpApi, HttpApiMiddleware, OpenApi } from "effect/http-api"
import { VERSION } from "../domain/Version.ts"
import { Conversations } from "./Conversations.ts"
import { Messages } from "./Messages.ts"
import { ContentTooLarge, InternalServerError, UnsupportedMediaType, ValidationFailed } from "./Problems.ts"
import { System } from "./System.ts"
import { Users } from "./Users.ts"

/** Turns a request that does not decode into a 422 that names each bad field. Declares the problems of every endpoint. */
export class RequestValidation extends HttpApiMiddleware.Service<RequestValidation>()(
  "minichat/api/RequestValidation",
  { error: [ValidationFailed, ContentTooLarge, UnsupportedMediaType, InternalServerError] }
) {}

/** The REST contract. Clients, the server, the docs and the tests are all derived from it. */
export class Api extends HttpApi.make("minichat")
  .add(Users, Messages, Conversations, System)
  .middleware(RequestValidation)
  // Every bad field of a request is named, not the first one only.
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Mini Chat",
      version: VERSION,
      description:
        "A real-time chat backend: REST for users, conversations and messages, a WebSocket for each user.\n\n" +
        "Every error is an RFC 9457 problem (`application/problem+json`) whose `detail` says what happened; a request " +
        "that does not decode is a 422 that names every bad field. A body may have 64 KiB. Unknown extra fields are " +
        "ignored. Paths are served with and without the trailing slash.",
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" }
    })
  ) {}
