import { Option } from "effect"
import type { Settings } from "../AppConfig.ts"

const LOCAL = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/**
 * Whether pages of an origin may call this server: those of `CORS_ORIGINS`, and the server's own, which is
 * `PUBLIC_URL` or else this machine on any port. What a `Host` header claims plays no part.
 */
export const isAllowedOrigin = ({ corsOrigins, publicUrl }: Pick<Settings, "corsOrigins" | "publicUrl">) => {
  const ownOrigin = Option.getOrUndefined(Option.map(publicUrl, (url) => new URL(url).origin))
  const allowed = new Set(corsOrigins.map((origin) => (origin === "*" ? origin : new URL(origin).origin)))
  return (origin: string): boolean =>
    allowed.has("*") ||
    allowed.has(origin) ||
    (ownOrigin === undefined ? LOCAL.test(origin) : origin === ownOrigin)
}
