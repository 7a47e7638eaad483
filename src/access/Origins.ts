import { Option } from "effect"
import type { Settings } from "../AppConfig.ts"
import { parseOriginPattern } from "../settings/OriginPattern.ts"

const LOCAL_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/**
 * Returns whether pages of an origin may call this server. Allowed are the origins that match a pattern of `CORS_ORIGINS`, and the origin
 * of `PUBLIC_URL`. Without `PUBLIC_URL`, http and https at localhost, 127.0.0.1 and [::1] are allowed on any port.
 *
 * An origin is not compared with the `Host` header: a page whose name was made to resolve to this server (DNS rebinding) has its own
 * name in both.
 */
export const isAllowedOrigin = ({ corsOrigins, publicUrl }: Pick<Settings, "corsOrigins" | "publicUrl">) => {
  const ownOrigin = Option.getOrUndefined(Option.map(publicUrl, (url) => new URL(url).origin))
  // `AppConfig` has refused texts that do not parse.
  const patterns = corsOrigins.flatMap((text) => Option.toArray(parseOriginPattern(text)))
  return (origin: string): boolean =>
    patterns.some((matches) => matches(origin)) ||
    (ownOrigin === undefined ? LOCAL_ORIGIN.test(origin) : origin === ownOrigin)
}
