/** The bounds that Standard Webhooks gives for the size of a secret. */
const SECRET_BYTES = { minimum: 24, maximum: 64 }

/** What separates URLs, and secrets: white space, commas, and the two characters `\n`, which stand for a line break in one line. */
const SEPARATOR = /[\s,]+|\\n/

const itemsOf = (text: string): ReadonlyArray<string> => text.split(SEPARATOR).filter((item) => item !== "")

/** Returns what is wrong with a URL; undefined when it is valid. The URL may hold a secret, so the text does not repeat it. */
const problemOf = (item: string): string | undefined => {
  if (!URL.canParse(item) || !/^https?:$/.test(new URL(item).protocol)) {
    return "must be http or https URLs like https://app.example.com/webhooks"
  }
  const { username, password } = new URL(item)
  return username === "" && password === ""
    ? undefined
    : "must hold no user and password: the signature tells who sends"
}

/** Checks and parses `WEBHOOK_URL`: URLs with commas or spaces between them. A repeated URL counts once. Each URL gets every event. */
export const webhookUrls = {
  check: (text: string): true | string =>
    itemsOf(text)
      .map(problemOf)
      .find((problem) => problem !== undefined) ?? true,
  parse: (text: string): ReadonlyArray<string> => [
    ...new Set(itemsOf(text).map((item) => new URL(item).href))
  ]
}

const PREFIX = "whsec_"

const isSecret = (item: string): boolean => {
  const base64 = item.startsWith(PREFIX) ? item.slice(PREFIX.length) : item
  const { length } = Buffer.from(base64, "base64")
  return (
    /^[A-Za-z0-9+/]+={0,2}$/.test(base64) &&
    base64.length % 4 === 0 &&
    length >= SECRET_BYTES.minimum &&
    length <= SECRET_BYTES.maximum
  )
}

/**
 * Checks and parses `WEBHOOK_SECRET`: secrets with commas, spaces or line breaks between them. Every event is signed with each secret, so
 * a receiver verifies it with any one of them.
 */
export const webhookSecrets = {
  check: (text: string): true | string =>
    itemsOf(text).every(isSecret) ||
    `must be whsec_ and ${SECRET_BYTES.minimum} to ${SECRET_BYTES.maximum} bytes in base64 (try: echo whsec_$(openssl rand -base64 32))`,
  parse: itemsOf
}
