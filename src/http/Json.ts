import type { Schema } from "effect"
import { HttpServerResponse } from "effect/http"

/**
 * Answers whose bodies are in the encoded shape of the contract already. The compiler checks a body against its schema;
 * nothing encodes it: encoding each row of a page through its Schema again costs more than reading it.
 */

/** A schema of the contract, of which only the type of its encoded side is used. */
type Contract<Encoded> = Pick<Schema.Codec<unknown, Encoded>, "Encoded">

/** Answers with a body in the shape of `schema`; with status 200, unless `options` has another one. */
export const json =
  <Body>(_schema: Contract<Body>, options?: { readonly status: number }) =>
  (body: Body) =>
    HttpServerResponse.jsonUnsafe(body, options)

/** JSON that stands for a value: its text, or the UTF-8 of it. */
export class Raw {
  readonly json: string | Uint8Array

  constructor(json: string | Uint8Array) {
    this.json = json
  }
}

/** `json` for an object. A property that is `Raw` is sent as it is. */
export const jsonWithRaw =
  <Body extends object>(_schema: Contract<Body>) =>
  (body: { readonly [Property in keyof Body]: Body[Property] | Raw }) => {
    const parts = Object.entries(body).flatMap(([property, value], i) => [
      `${i === 0 ? "{" : ","}${JSON.stringify(property)}:`,
      value instanceof Raw ? value.json : JSON.stringify(value)
    ])
    parts.push("}")
    return parts.every((part) => typeof part === "string")
      ? HttpServerResponse.text(parts.join(""), { contentType: "application/json" })
      : HttpServerResponse.uint8Array(Buffer.concat(parts.map(toBytes)), { contentType: "application/json" })
  }

const toBytes = (part: string | Uint8Array) => (typeof part === "string" ? Buffer.from(part) : part)
