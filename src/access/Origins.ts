import { Option } from "effect"
import type { Settings } from "../AppConfig.ts"
import { parseOriginPattern } from "../settings/OriginPattern.ts"

const LOCAL = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/**
 * Whether pages of an origin may call this server. The origins of `CORS_ORIGINS` may, and the server's own: that of
 * `PUBLIC_URL`, or without it this machine on any port. The `Host` header is not read, as a client chooses it.
 */
export const isAllowedOrigin = ({ corsOrigins, publicUrl }: Pick<Settings, "corsOrigins" | "publicUrl">) => {
  const ownOrigin = Option.getOrUndefined(Option.map(publicUrl, (url) => new URL(url).origin))
  const patterns = corsOrigins.flatMap((text) => Option.toArray(parseOriginPattern(text)))
  return (origin: string): boolean =>
    patterns.some((matches) => matches(origin)) ||
    (ownOrigin === undefined ? LOCAL.test(origin) : origin === ownOrigin)
}
