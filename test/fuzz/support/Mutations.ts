import type { Random } from "./Random.ts"

/** Values that programs have fallen over. */
export const HOSTILE: ReadonlyArray<unknown> = [
  null,
  true,
  0,
  -1,
  0.5,
  -0,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  1e308,
  // Short as JSON, and long as PostgreSQL shows them.
  { a: new Array(300).fill(1e308) },
  { a: new Array(200).fill(-1e-308) },
  "",
  " ",
  "0",
  "1e3",
  "NaN",
  "\0",
  "a\0b",
  "\ud800",
  "\udc00\ud800",
  "\u202e\u200b\ufeff",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "e\u0301".repeat(100),
  "a".repeat(1001),
  "a".repeat(70_000),
  "' OR 1=1 --",
  "$1::int",
  "\\u0000",
  "<script>alert(1)</script>",
  "../../etc/passwd",
  "%00%zz%2e%2e",
  "toString",
  "__proto__",
  [],
  {},
  [[[[[[[[]]]]]]]],
  { type: "send", type_: "send" },
  { length: 1e9 },
  { toString: null, valueOf: 1 }
]

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Makes one thing wrong with a value. */
export const mutate = (random: Random, value: unknown, junk: () => unknown): unknown => {
  if (!isRecord(value)) return random.chance(0.5) ? junk() : random.pick(HOSTILE)
  const copy = { ...value }
  const key = random.pick(Object.keys(copy))
  switch (random.below(7)) {
    case 0:
      delete copy[key]
      return copy
    case 1:
      copy[key] = junk()
      return copy
    case 2:
      copy[key] = { [key]: copy[key] }
      return copy
    case 3:
      copy[random.pick(["__proto__", "constructor", "toString", "", "id", `${key} `])] = junk()
      return copy
    case 4:
      return [copy]
    default:
      copy[key] = random.pick(HOSTILE)
      return copy
  }
}

/** Makes one thing wrong with a text. */
export const mutateText = (random: Random, text: string): Buffer => {
  const bytes = Buffer.from(text)
  const at = random.below(bytes.length + 1)
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at)])
    case 2:
      return Buffer.concat([bytes, bytes])
    case 3:
      if (at < bytes.length) bytes[at] = random.below(256)
      return bytes
    default:
      return Buffer.from("[".repeat(random.below(20_000)))
  }
}
