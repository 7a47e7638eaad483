/** The most code points of a name that a search compares. */
const COMPARED = 100

/**
 * A name as searches compare it: without case, and with composed and decomposed, fullwidth and other forms of a character as one.
 * Decomposed, so that an unfinished syllable of Hangul finds the finished one.
 */
export const fold = (name: string): string =>
  [...name.normalize("NFKC").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFKD")]
    .slice(0, COMPARED)
    .join("")

/** The names by which a user is found: its username, and its display name where that differs. */
export const foldedNames = (username: string, displayName: string): ReadonlyArray<string> => [
  ...new Set([fold(username), fold(displayName)].filter((name) => name !== ""))
]

/** The names that begin with a folded one are from it on, and before this. Names are ordered by code points. */
export const endOf = (folded: string): string => `${folded}\u{10ffff}`

/** The form in which usernames are compared: two with the same one are one name. */
export const normalName = (username: string): string => username.normalize("NFKC")
