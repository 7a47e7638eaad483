/** How many bytes a secret has, as Standard Webhooks says. */
const SECRET_BYTES = { least: 24, most: 64 }

/** The separator of URLs, and of secrets. */
const SEPARATOR = /[\s,]+|\\n/

const itemsOf = (text: string): ReadonlyArray<string> => text.split(SEPARATOR).filter((item) => item !== "")

/** The fault of a URL to post to. The URL may hold a secret, so it is not in the text. */
const problemOf = (item: string): string | undefined => {
  if (!URL.canParse(item) || !/^https?:$/.test(new URL(item).protocol)) {
    return "must be http or https URLs like https://app.example.com/webhooks"
  }
  const { username, password } = new URL(item)
  return username === "" && password === ""
    ? undefined
    : "must hold no user and password: the signature tells who sends"
}

/** Reads `WEBHOOK_URL`: URLs between commas or spaces. Each receives every event. */
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
    length >= SECRET_BYTES.least &&
    length <= SECRET_BYTES.most
  )
}

/** Reads `WEBHOOK_SECRET`: secrets between commas, spaces or line breaks. Each signs, so that a receiver may know any of them. */
export const webhookSecrets = {
  check: (text: string): true | string =>
    itemsOf(text).every(isSecret) ||
    `must be whsec_ and ${SECRET_BYTES.least} to ${SECRET_BYTES.most} bytes in base64 (try: echo whsec_$(openssl rand -base64 32))`,
  parse: itemsOf
}
