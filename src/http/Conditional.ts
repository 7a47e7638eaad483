import { Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { VERSION } from "../domain/Version.ts"

/** The entity tag of what a client sees at these numbers of an epoch. Another release may answer with other fields. */
export const tagOf = (epoch: string, ...numbers: ReadonlyArray<number>): string =>
  `"${VERSION}-${[epoch, ...numbers].join("-")}"`

/** Whether the request's `If-None-Match` names this tag: the client has the answer already. */
const isKnown = ({ headers }: HttpServerRequest.HttpServerRequest, tag: string): boolean => {
  const known = headers["if-none-match"]?.split(",") ?? []
  return known.some((item) => item.trim().replace(/^W\//, "") === tag)
}

const notModified = (tag: string) => HttpServerResponse.empty({ status: 304, headers: { etag: tag } })

/** Tags an answer; 304 without a body when the client has it already. No tag stands for an answer that has none. */
export const tagged = (tag: string | undefined, response: HttpServerResponse.HttpServerResponse) =>
  tag === undefined
    ? Effect.succeed(response)
    : Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
        isKnown(request, tag) ? notModified(tag) : HttpServerResponse.setHeader(response, "etag", tag)
      )

/**
 * Answers 304 when the client has what it asks for, for the price of `current`, which looks up the tag; else answers by `read`.
 * Without `If-None-Match` nothing is looked up.
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

/**
 * Tags an answer that does not tell the head of its own moment with the tag of the moment before it is read: what changes meanwhile
 * makes the tag out of date, never too new. 304 when the client has the answer already.
 */
export const taggedBefore = <E, E2, R>(
  current: Effect.Effect<string | undefined, E>,
  read: Effect.Effect<HttpServerResponse.HttpServerResponse, E2, R>
) =>
  Effect.flatMap(Effect.all([HttpServerRequest.HttpServerRequest, current]), ([request, tag]) =>
    tag !== undefined && isKnown(request, tag)
      ? Effect.succeed(notModified(tag))
      : Effect.flatMap(read, (response) => tagged(tag, response))
  )
