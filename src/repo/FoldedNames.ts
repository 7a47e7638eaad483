/** The most code points of a name that a search compares. */
const COMPARED = 100

/**
 * A name as searches compare it: without case, and with all forms of a character (composed, decomposed, fullwidth) as one. The result
 * is decomposed, so that the beginning of a syllable of Hangul finds the whole syllable.
 */
export const fold = (name: string): string =>
  [...name.normalize("NFKC").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFKD")]
    .slice(0, COMPARED)
    .join("")

/** The names by which a user is found: its username, and its display name where that differs. */
export const foldedNames = (username: string, displayName: string): ReadonlyArray<string> => [
  ...new Set([fold(username), fold(displayName)].filter((name) => name !== ""))
]

/** The names that begin with `folded` lie from `folded` on and before this, in the order of code points. */
export const endOf = (folded: string): string => `${folded}\u{10ffff}`

/** The form in which usernames are compared: two with the same one are one name. */
export const normalName = (username: string): string => username.normalize("NFKC")
