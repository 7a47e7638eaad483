import unhomoglyph from "unhomoglyph"

/** How a username looks, for telling an imitation from a name of its own. */
export interface Look {
  /** Equal for names that look the same, by the table of UTS #39. `alice` and `a1ice` have the same one. */
  readonly skeleton: string
  /**
   * The scripts that the whole name can be of, in their codes of ISO 15924. None when it mixes scripts, has invisible characters,
   * or characters in another form, such as fullwidth ones.
   */
  readonly scripts: ReadonlyArray<string>
}

/** Two names that look the same are one an imitation of the other, unless both are wholly of one script, as `alice` and `a1ice`. */
export const imitates = (one: Look, other: Look): boolean =>
  one.skeleton === other.skeleton && !one.scripts.some((script) => other.scripts.includes(script))

export const lookOf = (username: string): Look => ({
  skeleton: skeletonOf(username),
  scripts: scriptsOf(username)
})

// What the table does not have, as fullwidth digits, is looked up again in its plain form.
const skeletonOf = (username: string) =>
  unhomoglyph(unhomoglyph(username.replaceAll(INVISIBLE, "").normalize("NFD")).normalize("NFKD")).normalize(
    "NFD"
  )

/** Also letters: the fillers of Hangul. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu

const scriptsOf = (username: string): ReadonlyArray<string> => {
  if (/^[a-z0-9]*$/i.test(username)) return ["Latn"]
  if (username.normalize("NFKC") !== username || username.search(INVISIBLE) >= 0) return []
  const characters = [...new Set(username)]
  return SCRIPTS.filter(({ pattern }) => characters.every((character) => pattern.test(character))).map(
    ({ code }) => code
  )
}

/** The scripts of Unicode in modern use or among the limited ones; a name of any other one is like a name that mixes scripts. */
const SCRIPTS = (
  "Adlm Arab Armn Bali Batk Beng Bopo Cakm Cans Cham Cher Copt Cyrl Deva Ethi Geor Goth Grek Gujr Guru Hang Hani Hebr Hira Java Kali " +
  "Kana Khmr Knda Lana Laoo Latn Lepc Limb Lisu Mand Mlym Mong Mtei Mymr Newa Nkoo Olck Orya Plrd Rohg Saur Sinh Sund Sylo " +
  "Syrc Tale Talu Taml Tavt Telu Tfng Thaa Thai Tibt Vaii Wcho Yiii"
)
  .split(" ")
  // Digits and marks of no script are of each: the pattern takes those, too.
  .map((code) => ({
    code,
    pattern: new RegExp(
      `[\\p{Script_Extensions=${code}}\\p{Script_Extensions=Zyyy}\\p{Script_Extensions=Zinh}]`,
      "u"
    )
  }))
