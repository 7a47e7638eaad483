import { BlockList, isIP, SocketAddress } from "node:net"
import { Option } from "effect"
import type { HttpServerRequest } from "effect/http"

/** Whether this is an address, or a network in CIDR notation. */
export const isNetwork = (text: string): boolean => {
  const [, address, prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address ?? "")
  return version !== 0 && Number(prefix ?? 0) <= (version === 6 ? 128 : 32)
}

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
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")

  return (request: Pick<HttpServerRequest.HttpServerRequest, "remoteAddress" | "headers">): string => {
    const peer = addressIn(Option.getOrElse(request.remoteAddress, () => ""))
    if (peer === undefined) return "unknown"
    if (trustedProxies.length === 0 || !isTrusted(peer)) return peer
    let client = peer
    for (const hop of (request.headers["x-forwarded-for"] ?? "").split(",").reverse()) {
      const address = addressIn(hop.trim())
      // A hop that cannot be read hides who sent what stands before it.
      if (address === undefined) return client
      client = address
      if (!isTrusted(address)) return client
    }
    return client
  }
}

/** The address in a hop: some proxies name the port too. An IPv4 address that was mapped into IPv6 is IPv4. */
const addressIn = (hop: string): string | undefined => {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop
  const address = bare.replace(/^::ffff:(?=[\d.]+$)/i, "")
  return isIP(address) === 0 ? undefined : address
}

/** Whom an address stands for: itself, or in IPv6 its /64 network, all of which one client may call from. */
export const clientNetwork = (address: string): string => {
  if (isIP(address) !== 6) return address
  const canonical = new SocketAddress({ address: address.split("%", 1)[0]!, family: "ipv6" }).address
  const [head, tail] = canonical.split("::")
  const groups = head === "" ? [] : head!.split(":")
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length)
  return [...groups, ...Array<string>(missing).fill("0"), ...(tail ?? "").split(":")].slice(0, 4).join(":")
}
