import { HttpApi, OpenApi } from "effect/http-api"
import { VERSION } from "../domain/Version.ts"
import { Blocks } from "./Blocks.ts"
import { Conversations } from "./Conversations.ts"
import { Messages } from "./Messages.ts"
import { Moderation } from "./Moderation.ts"
import { System } from "./System.ts"
import { Users } from "./Users.ts"

/** The REST contract. Clients, the server, the docs and the tests are all derived from it. */
export class Api extends HttpApi.make("minichat")
  .add(Users, Messages, Conversations, Blocks, Moderation, System)
  // A 422 names every bad field of a request, not the first one only.
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
