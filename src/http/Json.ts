import type { Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import type { JsonBytes } from "../domain/JsonBytes.ts"
import { COMMON } from "./AnswerHeaders.ts"

// Bodies come from the repositories in the encoded shape of the API's schemas, so they are not encoded at run time: for a page of 50
// messages that takes longer than the query (bench/README.md, "What comments quote"). The compiler checks the type of a body, and
// the tests check its values.

/** A schema of the API. Only the type of its encoded side is used. */
type Contract<Encoded> = Pick<Schema.Codec<unknown, Encoded>, "Encoded">

const JSON_ANSWER = { contentType: "application/json", headers: COMMON }

/** Answers with a body in the shape of `schema`; with status 200, unless `options` has another one. */
export const json = <Body>(_schema: Contract<Body>, options?: { readonly status: number }) => {
  const withHeaders = { ...options, headers: COMMON }
  return (body: Body) => HttpServerResponse.jsonUnsafe(body, withHeaders)
}

/** Like `json`, for a body that is serialized already. */
export const jsonOfBytes =
  <Body>(_schema: Contract<Body>) =>
  (body: JsonBytes<Body>) =>
    HttpServerResponse.uint8Array(body, JSON_ANSWER)

/** A value that is serialized already: JSON text, or JSON in UTF-8. The compiler does not check what it holds. */
export class RawJson {
  readonly json: string | Uint8Array

  constructor(json: string | Uint8Array) {
    this.json = json
  }
}

/** Like `json`, for an object with at least one property. A property that is `RawJson` is sent as it is; none is `undefined`. */
export const jsonWithRaw =
  <Body extends object>(_schema: Contract<Body>) =>
  (body: { readonly [Property in keyof Body]: Body[Property] | RawJson }) => {
    const parts = Object.entries(body).flatMap(([property, value], i) => [
      `${i === 0 ? "{" : ","}${JSON.stringify(property)}:`,
      value instanceof RawJson ? value.json : JSON.stringify(value)
    ])
    parts.push("}")
    return parts.every((part) => typeof part === "string")
      ? HttpServerResponse.text(parts.join(""), JSON_ANSWER)
      : HttpServerResponse.uint8Array(Buffer.concat(parts.map(toBytes)), JSON_ANSWER)
  }

const toBytes = (part: string | Uint8Array) => (typeof part === "string" ? Buffer.from(part) : part)
