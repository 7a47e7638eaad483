import unhomoglyph from "unhomoglyph"

/** The look of a username, to find names that imitate another one. */
export interface Look {
  /** Equal for names that look the same, by the table of UTS #39. `alice` and `a1ice` have the same one. */
  readonly skeleton: string
  /**
   * The scripts that the whole name can be of, in their codes of ISO 15924. None when it mixes scripts, has invisible characters,
   * or characters in another form, such as fullwidth ones.
   */
  readonly scripts: ReadonlyArray<string>
}

/** Whether two names imitate each other: they look the same, and are not both wholly of one script as `alice` and `a1ice` are. */
export const imitates = (one: Look, other: Look): boolean =>
  one.skeleton === other.skeleton && !one.scripts.some((script) => other.scripts.includes(script))

export const lookOf = (username: string): Look => ({
  skeleton: skeletonOf(username),
  scripts: scriptsOf(username)
})

// A character that the table lacks, such as a fullwidth digit, is looked up again in its plain form.
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
  // Digits and marks without a script belong to every script: the pattern matches them too.
  .map((code) => ({
    code,
    pattern: new RegExp(
      `[\\p{Script_Extensions=${code}}\\p{Script_Extensions=Zyyy}\\p{Script_Extensions=Zinh}]`,
      "u"
    )
  }))
