import { HttpApiMiddleware } from "effect/http-api"
import { ContentTooLarge, InternalServerError, UnsupportedMediaType, ValidationFailed } from "./Problems.ts"

/**
 * Turns a request that does not decode into a 422 that names each bad field. Declares the problems of every endpoint. A group adds
 * it before `Authorization`, which then runs first: which fields a body needs depends on the caller.
 */
export class RequestValidation extends HttpApiMiddleware.Service<RequestValidation>()(
  "minichat/api/RequestValidation",
  { error: [ValidationFailed, ContentTooLarge, UnsupportedMediaType, InternalServerError] }
) {}
