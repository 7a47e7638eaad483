import { Option, Result } from "effect"
import type { HttpServerRequest } from "effect/http"
import { IpNetwork, NetAddress } from "effect/net"

/** The parts of a request from which its client's address is read. */
export type AddressedRequest = Pick<HttpServerRequest.HttpServerRequest, "remoteAddress" | "headers">

/**
 * The address of a request's client. `X-Forwarded-For` counts when a trusted proxy sent it, and is read from its end
 * back to the first address that is not a trusted proxy: the client itself may have written the hops before that.
 *
 * `HttpMiddleware.xForwardedHeaders` does the same but for one thing: a hop that is not an address makes it ignore
 * the whole header. Here the reading stops at such a hop, and the last address that was read counts.
 */
export const clientAddress = (trustedProxies: ReadonlyArray<IpNetwork.IpNetwork>) => {
  const isTrusted = isIn(trustedProxies)
  return ({ remoteAddress, headers }: AddressedRequest): string => {
    let client = hopFrom(Option.getOrElse(remoteAddress, () => ""))
    if (client === undefined) return "unknown"
    if (isTrusted(client)) {
      for (const text of (headers["x-forwarded-for"] ?? "").split(",").reverse()) {
        const hop = hopFrom(text.trim())
        if (hop === undefined) break
        client = hop
        if (!isTrusted(client)) break
      }
    }
    return NetAddress.formatIp(client.address) + client.zone
  }
}

/** Whether a request came from a trusted proxy itself. */
export const fromTrustedProxy = (trustedProxies: ReadonlyArray<IpNetwork.IpNetwork>) => {
  if (trustedProxies.length === 0) return () => false
  const isTrusted = isIn(trustedProxies)
  return ({ remoteAddress }: Pick<AddressedRequest, "remoteAddress">): boolean => {
    const peer = hopFrom(Option.getOrElse(remoteAddress, () => ""))
    return peer !== undefined && isTrusted(peer)
  }
}

const isIn =
  (networks: ReadonlyArray<IpNetwork.IpNetwork>) =>
  ({ address }: Hop): boolean =>
    networks.some(
      (network) =>
        IpNetwork.contains(network, address) ||
        (NetAddress.isIpv4Address(address) && IpNetwork.contains(network, NetAddress.toIpv4Mapped(address)))
    )

/** An address that a request passed, and its zone, such as `%eth0`, where a link-local one has one. */
interface Hop {
  readonly address: NetAddress.IpAddress
  readonly zone: string
}

/** The address in a hop, without the port or the brackets that some proxies write. IPv4 mapped into IPv6 is IPv4. */
const hopFrom = (text: string): Hop | undefined => {
  const bare = /^\[[^\]]+\]$/.test(text) ? text.slice(1, -1) : text
  const address = Result.orElse(NetAddress.ipFromString(bare), () =>
    Result.map(NetAddress.inetAddressFromString(text), ({ address }) => address)
  )
  if (Result.isSuccess(address)) return { address: NetAddress.toCanonical(address.success), zone: "" }
  const scoped = Result.getOrUndefined(NetAddress.scopedIpv6LiteralFromString(bare))
  if (scoped === undefined) return undefined
  const zoneAt = scoped.indexOf("%")
  return { address: NetAddress.ipFromStringUnsafe(scoped.slice(0, zoneAt)), zone: scoped.slice(zoneAt) }
}

/** The group of addresses that one client may call from: an IPv4 address itself, in IPv6 its /64 network. */
export const clientNetwork = (address: string): string => {
  // Most addresses are IPv4: the error of parsing one as IPv6 takes 30 µs a connection (bench/README.md, "What comments quote").
  if (!address.includes(":")) return address
  const parsed = NetAddress.ipv6FromString(address.split("%", 1)[0]!)
  return Result.match(parsed, {
    onFailure: () => address,
    onSuccess: (ipv6) =>
      NetAddress.ipv6ToSegments(ipv6)
        .slice(0, 4)
        .map((segment) => segment.toString(16))
        .join(":")
  })
}
