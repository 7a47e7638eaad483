import { assert, describe, it } from "@effect/vitest"
import { type ContentCoding, preferredCoding } from "../../src/http/ContentCoding.ts"

const CASES: ReadonlyArray<readonly [header: string | undefined, coding: ContentCoding]> = [
  [undefined, "identity"],
  ["", "identity"],
  ["identity", "identity"],
  ["deflate", "identity"],
  ["gzip", "gzip"],
  ["GZIP", "gzip"],
  ["br", "br"],
  ["gzip, deflate, br, zstd", "br"],
  ["gzip;q=1.0, br;q=0.5", "gzip"],
  ["br;q=0, gzip", "gzip"],
  ["br;q=0.000, gzip;q=0", "identity"],
  ["gzip;q=0", "identity"],
  ["gzip;q=0.001", "gzip"],
  ["*", "br"],
  ["*, br;q=0", "gzip"],
  ["*;q=0", "identity"],
  ["identity, br;q=0.5", "identity"],
  ["identity;q=0.5, gzip;q=0.4, br;q=0.3", "identity"],
  ["br ; q=0.8 , gzip ;q=0.9", "gzip"],
  ["br;q=nonsense, gzip", "gzip"],
  ["identity;q=0", "identity"]
]

describe("the coding of a body", () => {
  it.each(CASES)("for Accept-Encoding %j is %s", (header, coding) => {
    assert.strictEqual(preferredCoding(header), coding)
  })
})
