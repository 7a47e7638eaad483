/** The codings, the one that makes a body smallest first. */
const CODINGS = ["br", "gzip", "identity"] as const

export type ContentCoding = (typeof CODINGS)[number]

/**
 * The coding that an `Accept-Encoding` header asks for: the one with the highest `q`, and among equals the smallest.
 * Without a header, and where the header refuses all of them, the body is sent as it is.
 */
export const preferredCoding = (acceptEncoding: string | undefined): ContentCoding => {
  const accepted = parse(acceptEncoding ?? "")
  // A coding that the header does not name is refused. `identity` is the last choice instead.
  const wishOf = (coding: ContentCoding) =>
    accepted.get(coding) ?? accepted.get("*") ?? (coding === "identity" ? LEAST : 0)
  let preferred: ContentCoding = "identity"
  let wish = 0
  for (const coding of CODINGS) {
    if (wishOf(coding) <= wish) continue
    preferred = coding
    wish = wishOf(coding)
  }
  return preferred
}

/** Below every `q` but 0: a `q` has three digits after the point. */
const LEAST = 0.0001

const ITEM = /^\s*([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?$/i

/** The `q` of each coding. An item that RFC 9110 does not allow is ignored. */
const parse = (header: string): ReadonlyMap<string, number> =>
  new Map(
    header.split(",").flatMap((item) => {
      const [, coding, q] = ITEM.exec(item) ?? []
      return coding === undefined ? [] : [[coding.toLowerCase(), q === undefined ? 1 : Number(q)] as const]
    })
  )
