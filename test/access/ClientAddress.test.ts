import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { Headers } from "effect/http"
import { networkFrom } from "../../src/AppConfig.ts"
import { clientAddress, clientNetwork } from "../../src/access/ClientAddress.ts"

const isNetwork = (text: string) => Option.isSome(networkFrom(text))

const networks = (...texts: ReadonlyArray<string>) =>
  texts.flatMap((text) => Option.toArray(networkFrom(text)))

describe("an address or network is", () => {
  for (const text of ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32", "fe80::1", "::/0"]) {
    it(`${text}`, () => assert.isTrue(isNetwork(text)))
  }
})

describe("an address or network is not", () => {
  const none = [
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/a",
    "10.0.0.0/1e1",
    "10.0.0",
    "010.0.0.1",
    "::/129",
    "localhost",
    "*",
    "10.0.0.1:80"
  ]
  for (const text of none) it(`"${text}"`, () => assert.isFalse(isNetwork(text)))
})

describe("the client's address", () => {
  const PROXIES = networks("10.0.0.0/8", "2001:db8:1::/48", "192.0.2.1", "::ffff:192.0.2.128/121")

  const cases: ReadonlyArray<
    readonly [what: string, peer: string | undefined, forwarded: string | undefined, is: string]
  > = [
    ["is the peer's without a header", "10.0.0.1", undefined, "10.0.0.1"],
    ["is the peer's when it is no proxy", "203.0.113.5", "198.51.100.1", "203.0.113.5"],
    ["is what a proxy says", "10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["is what a proxy outside a network says", "192.0.2.1", "198.51.100.1", "198.51.100.1"],
    ["is what a proxy of a network inside IPv6 says", "192.0.2.130", "198.51.100.1", "198.51.100.1"],
    ["is not what a neighbour of a proxy says", "192.0.2.2", "198.51.100.1", "192.0.2.2"],
    ["is the last that is no proxy", "10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"],
    ["is not what the client claims", "10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"],
    [
      "is not a proxy's that the client claims",
      "10.0.0.1",
      "10.9.9.9, 198.51.100.1, 10.2.3.4",
      "198.51.100.1"
    ],
    ["is the farthest proxy's when all are proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["is IPv6", "2001:db8:1::5", "2001:db8:9::7", "2001:db8:9::7"],
    ["is IPv4 when it is mapped into IPv6", "::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["has no port", "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
    ["has no port in IPv6", "10.0.0.1", "[2001:db8:9::7]:4711", "2001:db8:9::7"],
    ["has no brackets", "10.0.0.1", "[2001:db8:9::7]", "2001:db8:9::7"],
    ["is not what stands before a hop that cannot be read", "10.0.0.1", "127.0.0.1, unknown", "10.0.0.1"],
    ["is not what stands before an empty hop", "10.0.0.1", "127.0.0.1,", "10.0.0.1"],
    ["is the last hop that can be read", "10.0.0.1", "evil, 10.0.0.2", "10.0.0.2"],
    ["is not garbage", "10.0.0.1", "'; DROP TABLE users; --", "10.0.0.1"],
    ["is not a host name", "10.0.0.1", "localhost", "10.0.0.1"],
    ["is not an address and more", "10.0.0.1", "198.51.100.1 evil", "10.0.0.1"],
    ["survives a zone", "fe80::1%eth0", "198.51.100.1", "fe80::1%eth0"],
    ["survives a zone in a hop", "10.0.0.1", "fe80::1%evil", "fe80::1%evil"],
    ["is unknown when the peer's is", undefined, "198.51.100.1", "unknown"]
  ]
  it("is what a proxy with a zone says, when its network is trusted", () => {
    const headers = Headers.fromInput({ "x-forwarded-for": "198.51.100.1" })
    const remoteAddress = Option.some("fe80::1%eth0")
    assert.strictEqual(clientAddress(networks("fe80::/10"))({ remoteAddress, headers }), "198.51.100.1")
  })

  for (const [what, peer, forwarded, expected] of cases) {
    it(`${what}: ${forwarded ?? "no header"} from ${peer}`, () => {
      const headers = Headers.fromInput(forwarded === undefined ? {} : { "x-forwarded-for": forwarded })
      const remoteAddress = Option.fromUndefinedOr(peer)
      assert.strictEqual(clientAddress(PROXIES)({ remoteAddress, headers }), expected)
    })
  }

  it("is the peer's when no proxy is trusted", () => {
    const headers = Headers.fromInput({ "x-forwarded-for": "198.51.100.1" })
    assert.strictEqual(clientAddress([])({ remoteAddress: Option.some("10.0.0.1"), headers }), "10.0.0.1")
  })
})

describe("a client is counted by", () => {
  const cases = [
    ["its IPv4 address", "198.51.100.1", "198.51.100.1"],
    ["its /64 network in IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["the same network however it is written", "2001:DB8:1:2::9", "2001:db8:1:2"],
    ["a network with zeros", "2001:db8::1", "2001:db8:0:0"],
    ["the network of a link", "fe80::1%eth0", "fe80:0:0:0"],
    ["the network of the loopback address", "::1", "0:0:0:0"],
    ["a network that ends in zeros", "2001:db8:1:2::", "2001:db8:1:2"],
    ["nothing, when it is not known", "unknown", "unknown"]
  ] as const
  for (const [what, address, network] of cases) {
    it(`${what}: ${address}`, () => assert.strictEqual(clientNetwork(address), network))
  }
})
