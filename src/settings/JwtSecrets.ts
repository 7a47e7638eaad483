/** The length of a secret that HS256 needs. */
export const SECRET_BYTES = 32

export const isLongEnough = (secret: string): boolean => Buffer.byteLength(secret) >= SECRET_BYTES

/** `JWT_SECRET` as the secrets that it holds. */
export interface JwtSecrets {
  /** Signs new tokens. */
  readonly first: string
  /** Any of them may verify a token. */
  readonly all: ReadonlyArray<string>
  /** Whether the text counts as one secret that holds a separator, because a part of it would be too short. */
  readonly holdsSeparator: boolean
}

/**
 * Reads secrets between commas or line breaks; a line break may be written as \n. The whole text verifies too: a secret from
 * before lists were read may hold a comma.
 */
export const parseSecrets = (text: string): JwtSecrets => {
  const parts = text
    .split(/,|\r?\n|\\n/)
    .map((part) => part.trim())
    .filter((part) => part !== "")
  return parts.length > 1 && parts.every(isLongEnough)
    ? { first: parts[0]!, all: [...parts, text], holdsSeparator: false }
    : { first: text, all: [text], holdsSeparator: parts.length > 1 }
}
