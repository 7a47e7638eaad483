import { HttpApi, HttpApiMiddleware, OpenApi } from "effect/http-api"
import { Messages } from "./Messages.ts"
import { describeApi } from "./OpenApiDescription.ts"
import { document } from "./OpenApiDocument.ts"
import { ContentTooLarge, InternalServerError, UnsupportedMediaType, ValidationFailed } from "./Problems.ts"
import { ClientFrame, ServerFrame } from "./Protocol.ts"
import { System } from "./System.ts"
import { Users } from "./Users.ts"

/** Turns a request that does not decode into a 422 that names each bad field. Names what any call may meet, too. */
export class RequestValidation extends HttpApiMiddleware.Service<RequestValidation>()(
  "minichat/api/RequestValidation",
  { error: [ValidationFailed, ContentTooLarge, UnsupportedMediaType, InternalServerError] }
) {}

export const VERSION = "1.0.0"

/** The REST contract. Clients, the server, the docs and the tests are all derived from it. */
export class Api extends HttpApi.make("minichat")
  .add(Users, Messages, System)
  .middleware(RequestValidation)
  // Every bad field of a request is named, not the first one only.
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(HttpApi.AdditionalSchemas, [ClientFrame, ServerFrame])
  .annotateMerge(
    OpenApi.annotations({
      title: "Mini Chat",
      version: VERSION,
      description: describeApi,
      license: { name: "MIT" },
      transform: document
    })
  ) {}
