/**
 * The words of texts, for the memory layer of the search. The SQL functions that index messages split them in the same way; one
 * contract suite tests both.
 */

/** Marks that texts are compared without: accents, the points of Hebrew and Arabic, joiners, variations and skin tones. */
const IGNORED = String.raw`\u0300-\u036F\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0640\u064B-\u0652\u0670\u00AD\u200B-\u200D\u2060\uFE00-\uFE0F\uFEFF\u{1F3FB}-\u{1F3FF}`

const IGNORED_MARKS = new RegExp(`[${IGNORED}]`, "gu")

/** Letters that no normalisation decomposes, and what people type for them. */
const SPELLED: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ł: "l",
  ı: "i",
  ς: "σ"
}

/** A text as a search compares it: without case, accents and forms of characters. */
export const folded = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(IGNORED_MARKS, "")
    .toLowerCase()
    .replace(/[ßæœøđłıς]/g, (letter) => SPELLED[letter] ?? letter)
    .normalize("NFKC")

/** Scripts without spaces between words, and pictures: Thai, Lao, Burmese, Khmer, Chinese, Japanese, symbols, emoji. */
const UNSPACED = String.raw`\u0E01-\u0E3A\u0E40-\u0E4E\u0E81-\u0EDF\u1000-\u1049\u1050-\u109F\u1780-\u17D3\u17DC-\u17E9\u2600-\u27BF\u2B00-\u2BFF\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\u309F\u30A1-\u30FA\u30FC-\u312F\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFF}`

/** The characters between words: controls, spaces, punctuation, and symbols that are no pictures. */
const BETWEEN = String.raw`\u0000-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u00D7\u00F7\u055A-\u055F\u0589\u058A\u05BE\u05C0\u05C3\u05C6\u05F3\u05F4\u0609-\u060D\u061B-\u061F\u066A-\u066D\u06D4\u0964\u0965\u0E3F\u0E4F\u0E5A\u0E5B\u0F0B-\u0F14\u104A-\u104F\u1361-\u1368\u17D4-\u17DB\u2000-\u206F\u20A0-\u20FF\u2190-\u25FF\u27C0-\u2AFF\u2E00-\u2E7F\u3000-\u3004\u3008-\u3020\u302A-\u3030\u3036-\u303F\u30A0\u30FB\uE000-\uF8FF\uFE10-\uFE6F\uFFF0-\uFFFF`

const RUNS = new RegExp(`[${UNSPACED}]+|[^${BETWEEN}${UNSPACED}]+`, "gu")

const IS_UNSPACED = new RegExp(`^[${UNSPACED}]`, "u")

/** Longer words are cut to so many code points: an index entry cannot be longer. */
const MAX_WORD_LENGTH = 200

interface Word {
  readonly text: string
  /** Whether it is a run of a script without spaces: each part of it is found. */
  readonly isRun: boolean
}

const wordsOf = (text: string): ReadonlyArray<Word> =>
  (folded(text).match(RUNS) ?? []).map((found) =>
    IS_UNSPACED.test(found)
      ? { text: found, isRun: true }
      : { text: [...found].slice(0, MAX_WORD_LENGTH).join(""), isRun: false }
  )

/** A function that finds the words of `searched` in a message; `undefined` when `searched` has no word. */
export const matcher = (searched: string): ((content: string) => boolean) | undefined => {
  const wanted = wordsOf(searched)
  if (wanted.length === 0) return undefined
  const isIn = (words: ReadonlyArray<Word>) => (word: Word, place: number) =>
    words.some(({ text, isRun }) => {
      if (isRun !== word.isRun) return false
      if (isRun) return text.includes(word.text)
      return place === wanted.length - 1 ? text.startsWith(word.text) : text === word.text
    })
  return (content) => wanted.every(isIn(wordsOf(content)))
}
