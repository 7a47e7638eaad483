import { assert, describe, it } from "@effect/vitest"
import { withReactions } from "../../src/client/Messages.ts"
import type { Message } from "../../src/domain/Message.ts"

describe("the reactions of a message", () => {
  it.each([
    // U+FE0F is more than a surrogate, and less than the skin colours that surrogates stand for.
    ["☝️", "☝🏽"],
    ["\ufb01", "😀"],
    ["👍", "👍🏽"],
    ["❤️", "👍"]
  ])("are ordered by count, then by code points: %s before %s", (first, second) => {
    const counted = (...all: ReadonlyArray<readonly [emoji: string, count: number]>) =>
      withReactions(
        {} as Message,
        all.map(([emoji, count]) => ({ emoji, count, mine: false }))
      ).reactions?.map(({ emoji }) => emoji)
    assert.deepEqual(counted([second, 1], [first, 1]), [first, second])
    assert.deepEqual(counted([first, 1], [second, 1]), [first, second])
    assert.deepEqual(counted([first, 1], [second, 2]), [second, first])
  })
})
