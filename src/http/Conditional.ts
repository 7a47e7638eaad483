import { Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { VERSION } from "../domain/Version.ts"

/**
 * The entity tag of an answer that depends on these numbers of an epoch. It has the version: another release may answer with other
 * fields. The head of an inbox is such a number only for an answer whose every change is an event of that inbox.
 */
export const tagOf = (epoch: string, ...numbers: ReadonlyArray<number>): string =>
  `"${VERSION}-${[epoch, ...numbers].join("-")}"`

/** Whether the request's `If-None-Match` names this tag: the client has the answer already. */
const isKnown = ({ headers }: HttpServerRequest.HttpServerRequest, tag: string): boolean => {
  const known = headers["if-none-match"]?.split(",") ?? []
  return known.some((item) => item.trim().replace(/^W\//, "") === tag)
}

const notModified = (tag: string) => HttpServerResponse.empty({ status: 304, headers: { etag: tag } })

/** Adds a tag to an answer, or answers 304 without a body when the client has it already. Without a tag the answer stays as it is. */
export const tagged = (tag: string | undefined, response: HttpServerResponse.HttpServerResponse) =>
  tag === undefined
    ? Effect.succeed(response)
    : Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
        isKnown(request, tag) ? notModified(tag) : HttpServerResponse.setHeader(response, "etag", tag)
      )

/**
 * Answers 304 when the client has the current answer, else answers by `read`. `current` looks up the tag: a 304 costs no more than
 * that. Without `If-None-Match` it is not looked up.
 */
export const unlessKnown = <E, E2, R>(
  current: Effect.Effect<string | undefined, E>,
  read: Effect.Effect<HttpServerResponse.HttpServerResponse, E2, R>
) =>
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    (
      request
    ): Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      E | E2,
      R | HttpServerRequest.HttpServerRequest
    > =>
      request.headers["if-none-match"] === undefined
        ? read
        : Effect.flatMap(current, (tag) =>
            tag !== undefined && isKnown(request, tag) ? Effect.succeed(notModified(tag)) : read
          )
  )
