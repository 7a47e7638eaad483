import { Option } from "effect"

/** Whether the value of an `Origin` header matches. */
export type OriginPattern = (origin: string) => boolean

/** `https://*.example.com`: the asterisk is the whole first label, and at least two labels follow it. */
const WILDCARD = /^(https?:\/\/)\*(\.[a-z0-9_-]+(?:\.[a-z0-9_-]+)+(?::\d+)?)\/?$/i

const LABEL = /^[a-z0-9_-]+$/

/** `capacitor://localhost`, `chrome-extension://<id>`: an application with a scheme of its own. */
const OF_AN_APPLICATION = /^([a-z][a-z0-9+.-]*):\/\/[a-z0-9._-]+(?::\d+)?\/?$/i

/** Schemes that no `Origin` header has: a browser sends `null` for the first four, and the origin of the page for a socket. */
const NEVER_SENT = new Set(["file", "data", "blob", "javascript", "ws", "wss"])

const exactly =
  (expected: string): OriginPattern =>
  (origin) =>
    origin === expected

/** Reads an item of `CORS_ORIGINS`; none when no page could have such an origin, so that no item is without effect. */
export const parseOriginPattern = (text: string): Option.Option<OriginPattern> => {
  if (text === "*") return Option.some(() => true)
  const wildcard = WILDCARD.exec(text)
  if (wildcard !== null) {
    const [, scheme, rest] = wildcard
    const { origin, protocol } = new URL(`${scheme}x${rest}`)
    const [start, end] = [`${protocol}//`, origin.slice(`${protocol}//x`.length)]
    return Option.some(
      (candidate) =>
        candidate.startsWith(start) &&
        candidate.endsWith(end) &&
        LABEL.test(candidate.slice(start.length, -end.length))
    )
  }
  if (/^https?:/i.test(text)) {
    if (!URL.canParse(text) || text.includes("*")) return Option.none()
    const { origin, href } = new URL(text)
    return href === `${origin}/` ? Option.some(exactly(origin)) : Option.none()
  }
  const scheme = OF_AN_APPLICATION.exec(text)?.[1]?.toLowerCase()
  return scheme === undefined || NEVER_SENT.has(scheme)
    ? Option.none()
    : Option.some(exactly(text.toLowerCase().replace(/\/$/, "")))
}
