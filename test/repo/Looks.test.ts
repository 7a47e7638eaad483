import { assert, describe, it } from "@effect/vitest"
import { imitates, lookOf } from "../../src/repo/Looks.ts"

const isImitation = (one: string, other: string) => imitates(lookOf(one), lookOf(other))

const imitations: Readonly<Record<string, readonly [string, string]>> = {
  "a Cyrillic letter": ["alice", "\u0430lice"],
  "a Greek letter": ["Ian", "\u0399an"],
  "a letter that is a digit elsewhere": ["a1ice", "\u0430lice"],
  "fullwidth letters": ["bob", "\uff42\uff4f\uff42"],
  "fullwidth digits": ["bob12", "bob\uff11\uff12"],
  "a mathematical letter": ["Alice", "\u{1d504}lice"],
  "a ligature": ["fine", "\ufb01ne"],
  "a digit of Arabic": ["alice", "a\u0661ice"],
  "a filler of Hangul": ["alice", "alice\u3164"],
  "a filler of Hangul in another one": ["\uae40\u3164\ucca0", "\uae40\ucca0"],
  "a whole name of Cyrillic": ["cop", "\u0441\u043e\u0440"],
  "a katakana for a character of Han": ["\u529b\u624b", "\u30ab\u624b"],
  "conjoining Hangul": ["\uae40", "\u1100\u1175\u11b7"]
}

const different: Readonly<Record<string, readonly [string, string]>> = {
  case: ["alice", "Alice"],
  "a digit for a letter": ["alice", "a1ice"],
  "the big I": ["alice", "aIice"],
  "digits alone and letters": ["100", "lOO"],
  "rn for m": ["modem", "modern"],
  "an accent": ["alice", "alic\u00e9"],
  "the dotless i of Turkish": ["alice", "al\u0131ce"],
  "letters of Cyrillic": ["\u0456\u0432\u0430\u043d", "\u04cf\u0432\u0430\u043d"],
  "letters of Arabic": ["\u0647\u062f\u0649", "\u06c1\u062f\u0649"],
  "names of two scripts": ["anna", "\u0410\u043d\u043d\u0430"],
  "names of Japanese": ["\u7530\u4e2d\u30bf\u30ed\u30a6", "\u7530\u4e2d\u30b8\u30ed\u30a6"]
}

describe("a username imitates another one with", () => {
  for (const [what, [one, other]] of Object.entries(imitations)) {
    it(what, () => {
      assert.isTrue(isImitation(one, other))
      assert.isTrue(isImitation(other, one))
    })
  }
})

describe("usernames are names of their own that differ in", () => {
  for (const [what, [one, other]] of Object.entries(different)) {
    it(what, () => {
      assert.isFalse(isImitation(one, other))
      assert.isFalse(isImitation(other, one))
    })
  }
})

it("a name without a script of its own imitates whatever looks like it", () => {
  assert.isEmpty(lookOf("\u0430lice").scripts)
  assert.isTrue(
    isImitation(
      "\u0430lice",
      "al\u0456ce".replace("\u0456", "i").replace("a", "\u0430").replace("c", "\u0441")
    )
  )
})
