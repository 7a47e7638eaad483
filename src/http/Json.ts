import { HttpServerResponse } from "effect/http"

/**
 * Answers that are JSON already, or plain data in the shape of the contract, go out as they are: encoding each
 * row of a page through its Schema again costs more than reading it. Tests decode the answers by the contract.
 */
export const json = (body: unknown) => HttpServerResponse.jsonUnsafe(body)

/** `json` for a text. */
export const jsonText = (body: string) => HttpServerResponse.text(body, { contentType: "application/json" })

/** An object whose one property is a list of what is JSON in UTF-8 already. */
export const jsonList = (property: string, items: ReadonlyArray<Uint8Array>) => {
  const parts: Array<Uint8Array> = [Buffer.from(`{"${property}":[`)]
  for (const [i, item] of items.entries()) {
    if (i > 0) parts.push(COMMA)
    parts.push(item)
  }
  parts.push(END)
  return HttpServerResponse.uint8Array(Buffer.concat(parts), { contentType: "application/json" })
}

const COMMA = Buffer.from(",")
const END = Buffer.from("]}")
