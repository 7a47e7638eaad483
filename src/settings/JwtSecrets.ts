/** The length of a secret that HS256 needs. */
export const SECRET_BYTES = 32

export const isLongEnough = (secret: string): boolean => Buffer.byteLength(secret) >= SECRET_BYTES

/** `JWT_SECRET` as the secrets that it holds. */
export interface JwtSecrets {
  /** Signs. */
  readonly first: string
  /** Each verifies. */
  readonly all: ReadonlyArray<string>
  /** Whether a separator was taken for a part of the only secret, because something between separators is too short. */
  readonly holdsSeparator: boolean
}

/**
 * Reads secrets between commas or line breaks; a line break may be written as \n. The whole text verifies too: a secret of the time
 * when there was only one may hold a comma.
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
