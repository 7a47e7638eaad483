import { hostname } from "node:os"
import { Option } from "effect"
import type { Settings } from "../AppConfig.ts"

/** Whether an address or name to listen on is a loopback one. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/**
 * Whether a `Host` header is one that this server is to answer. In open mode on a loopback address it must name this
 * machine or the host of `PUBLIC_URL`. Otherwise a page whose own name was made to resolve to 127.0.0.1 (DNS rebinding) could
 * read and send as any user. In the other modes every name is answered.
 */
export const isAllowedHost = ({ host, auth, publicUrl }: Pick<Settings, "host" | "auth" | "publicUrl">) => {
  if (auth !== "open" || !isLoopback(host)) return () => true
  const own = new Set([
    hostname().toLowerCase(),
    ...Option.toArray(Option.map(publicUrl, (url) => new URL(url).hostname))
  ])
  const names = (header: string): boolean => {
    const name = header.replace(/:\d*$/, "").toLowerCase()
    return isLoopback(name) || own.has(name)
  }
  // Nearly all requests have the header of the one before.
  let known = ""
  let isKnownAllowed = true
  return (header: string | undefined): boolean => {
    // No page can leave it out.
    if (header === undefined || header === "") return true
    if (header !== known) {
      isKnownAllowed = names(header)
      known = header
    }
    return isKnownAllowed
  }
}
