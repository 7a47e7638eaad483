import { HttpApiMiddleware } from "effect/http-api"
import { ContentTooLarge, InternalServerError, UnsupportedMediaType, ValidationFailed } from "./Problems.ts"

/**
 * Turns a request that does not decode into a 422 that names each bad field. Declares the problems of every endpoint. A group has
 * it before `Authorization`, so that it knows the caller.
 */
export class RequestValidation extends HttpApiMiddleware.Service<RequestValidation>()(
  "minichat/api/RequestValidation",
  { error: [ValidationFailed, ContentTooLarge, UnsupportedMediaType, InternalServerError] }
) {}
