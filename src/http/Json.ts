import { HttpServerResponse } from "effect/http"

/**
 * Answers that are JSON already, or plain data in the shape of the contract, go out as they are: encoding each
 * row of a page through its Schema again costs more than reading it. Tests decode the answers by the contract.
 */
export const json = (body: unknown) => HttpServerResponse.jsonUnsafe(body)

/** An answer that is JSON in UTF-8 already. */
export const jsonUtf8 = (body: Uint8Array) =>
  HttpServerResponse.uint8Array(body, { contentType: "application/json" })

/** An object of one property whose value is JSON in UTF-8 already. */
export const jsonProperty = (property: string, value: Uint8Array) =>
  jsonUtf8(Buffer.concat([Buffer.from(`{"${property}":`), value, END]))

const END = Buffer.from("}")
