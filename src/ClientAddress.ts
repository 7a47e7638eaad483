import { BlockList, isIP } from "node:net"
import { Option } from "effect"
import type { HttpServerRequest } from "effect/http"

/**
 * Whose address a request comes from. `X-Forwarded-For` counts only when a trusted proxy sent it, and then only
 * back to the first address that is not one: everything before that is the client's own claim.
 */
export const clientAddress = (trustedProxies: ReadonlyArray<string>) => {
  const trusted = new BlockList()
  for (const proxy of trustedProxies) {
    const [address, prefix] = proxy.split("/")
    const family = isIP(address!) === 6 ? "ipv6" : "ipv4"
    if (prefix === undefined) trusted.addAddress(address!, family)
    else trusted.addSubnet(address!, Number(prefix), family)
  }
  const isTrusted = (address: string) => {
    const version = isIP(address)
    return version !== 0 && trusted.check(address, version === 6 ? "ipv6" : "ipv4")
  }

  return (request: HttpServerRequest.HttpServerRequest): string => {
    const peer = Option.getOrElse(request.remoteAddress, () => "unknown").replace(/^::ffff:/, "")
    if (trustedProxies.length === 0 || !isTrusted(peer)) return peer
    const hops = (request.headers["x-forwarded-for"] ?? "").split(",").map((hop) => hop.trim())
    return hops.findLast((hop) => isIP(hop) !== 0 && !isTrusted(hop)) ?? peer
  }
}
