import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { linksIn } from "../../web/links.ts"

type Format = typeof import("../../web/format.ts")

/** The formats as a browser of a language has them: they are made when the module is loaded. */
const formatsIn = async (language: string): Promise<Format> => {
  class Localized extends Intl.DateTimeFormat {
    constructor(_?: Intl.LocalesArgument, options?: Intl.DateTimeFormatOptions) {
      super(language, options)
    }
  }
  class LocalizedRelative extends Intl.RelativeTimeFormat {
    constructor(_?: Intl.LocalesArgument, options?: Intl.RelativeTimeFormatOptions) {
      super(language, options)
    }
  }
  vi.stubGlobal("Intl", { DateTimeFormat: Localized, RelativeTimeFormat: LocalizedRelative })
  const path = `../../web/format.ts?${language}`
  try {
    return await import(path)
  } finally {
    vi.unstubAllGlobals()
  }
}

describe("a time on the page", () => {
  const { TZ } = process.env
  beforeAll(() => {
    process.env.TZ = "America/New_York"
    // A Thursday, and half past midnight.
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-01-08T05:30:00Z") })
  })
  afterAll(() => {
    vi.useRealTimers()
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  })

  it("is the hour today, the weekday for a week, and the date before, with its year when it is another one", async () => {
    const { shortTime } = await formatsIn("en-GB")
    const times = [
      ["2026-01-08T05:00:00Z", "00:00"],
      ["2026-01-08T04:59:59Z", "Wed"],
      ["2026-01-02T12:00:00Z", "Fri"],
      ["2026-01-01T12:00:00Z", "1 Jan"],
      ["2026-01-01T04:59:00Z", "31 Dec 2025"],
      ["2023-01-08T12:00:00Z", "8 Jan 2023"]
    ] as const
    for (const [at, shown] of times) assert.strictEqual(shortTime(new Date(at)), shown)
  })

  it("names a day, also when the clocks were changed on the way", async () => {
    const { dayName, isSameDay } = await formatsIn("en-GB")
    assert.strictEqual(dayName(new Date("2026-01-08T05:00:00Z")), "Today")
    assert.strictEqual(dayName(new Date("2026-01-08T04:59:59Z")), "Yesterday")
    assert.strictEqual(dayName(new Date("2026-01-06T12:00:00Z")), "Tuesday")
    assert.strictEqual(dayName(new Date("2025-12-31T12:00:00Z")), "31 December 2025")
    vi.setSystemTime(new Date("2026-03-09T04:30:00Z"))
    assert.strictEqual(dayName(new Date("2026-03-08T05:30:00Z")), "Yesterday")
    vi.setSystemTime(new Date("2026-01-08T05:30:00Z"))
    assert.isTrue(isSameDay(new Date("2026-01-08T05:00:00Z"), new Date("2026-01-09T04:59:59Z")))
    assert.isFalse(isSameDay(new Date("2026-01-08T05:00:00Z"), new Date("2026-01-08T04:59:59Z")))
  })

  it("says when somebody was last seen, with the year when it is another one", async () => {
    const { lastSeen } = await formatsIn("en-GB")
    assert.strictEqual(lastSeen(new Date("2026-01-08T05:10:00Z")), "Last seen today, 00:10")
    assert.strictEqual(lastSeen(new Date("2026-01-07T12:10:00Z")), "Last seen yesterday, 07:10")
    assert.strictEqual(lastSeen(new Date("2023-06-08T12:10:00Z")), "Last seen 8 Jun 2023")
  })

  it.each(["vi", "th", "de", "ja"])("has seven weekdays in a list, in %s", async (language) => {
    const { shortTime } = await formatsIn(language)
    const days = [2, 3, 4, 5, 6, 7].map((day) => shortTime(new Date(`2026-01-0${day}T12:00:00Z`)))
    assert.strictEqual(new Set(days).size, days.length)
  })
})

describe("an address in a text", () => {
  it.each([
    ["(see https://a.org/x)", ["(see ", "https://a.org/x", ")"]],
    ["https://a.org/x_(y) and", ["", "https://a.org/x_(y)", " and"]],
    ["(https://a.org/x_(y)).", ["(", "https://a.org/x_(y)", ")."]],
    ["https://a.org/x?). https://b.org", ["", "https://a.org/x", "?). ", "https://b.org", ""]],
    ["https://a.org/x, or nothing", ["", "https://a.org/x", ", or nothing"]],
    ["no address", ["no address"]]
  ] as const)("is found in %s", (text, parts) => {
    assert.deepEqual<ReadonlyArray<string>>(linksIn(text), parts)
    assert.strictEqual(linksIn(text).join(""), text)
  })
})
