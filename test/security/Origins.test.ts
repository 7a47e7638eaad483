import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { isAllowedOrigin } from "../../src/access/Origins.ts"
import { openSocket } from "../support/TestSocket.ts"
import { post, request, Server } from "./support/Server.ts"

describe("pages may call the server", () => {
  const nothing = { corsOrigins: [], publicUrl: Option.none() }
  const published = { corsOrigins: [], publicUrl: Option.some("https://chat.example.com/app/") }
  const listed = {
    corsOrigins: ["https://app.example.com/", "http://localhost:3000"],
    publicUrl: published.publicUrl
  }
  const apps = {
    corsOrigins: [
      "https://*.example.com",
      "http://*.example.org:3000",
      "capacitor://localhost",
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
    ],
    publicUrl: published.publicUrl
  }

  const cases = [
    ["by default from this machine, on any port", nothing, "http://localhost:5173", true],
    ["by default from this machine by address", nothing, "http://127.0.0.1", true],
    ["by default from this machine by IPv6 address", nothing, "https://[::1]:8443", true],
    ["by default from nowhere else", nothing, "https://example.com", false],
    ["not from a host that only begins like this machine", nothing, "http://localhost.example.com", false],
    ["not from a host that only ends like this machine", nothing, "http://evil-localhost", false],
    ["not from a name that resolves to this machine", nothing, "http://127.0.0.1.nip.io", false],
    ["not from another scheme", nothing, "file://localhost", false],
    ["not from a sandboxed page", nothing, "null", false],
    ["not from an empty origin", nothing, "", false],
    ["from the server's own origin", published, "https://chat.example.com", true],
    ["not from this machine once the server has an origin", published, "http://localhost:8000", false],
    ["not from another scheme of the server's host", published, "http://chat.example.com", false],
    ["not from another port of the server's host", published, "https://chat.example.com:8443", false],
    ["not from a host under the server's", published, "https://evil.chat.example.com", false],
    ["from an origin on the list", listed, "https://app.example.com", true],
    ["from an origin on the list with a port", listed, "http://localhost:3000", true],
    ["not from another port of an origin on the list", listed, "http://localhost:3001", false],
    [
      "not from an origin that begins like one on the list",
      listed,
      "https://app.example.com.evil.example",
      false
    ],
    ["from a host under one with an asterisk", apps, "https://shop.example.com", true],
    ["from a host with hyphens under one with an asterisk", apps, "https://pr-12.example.com", true],
    ["not from two labels for one asterisk", apps, "https://a.b.example.com", false],
    ["not from the host itself that has an asterisk before it", apps, "https://example.com", false],
    ["not from another scheme of hosts with an asterisk", apps, "http://shop.example.com", false],
    ["not from another port of hosts with an asterisk", apps, "https://shop.example.com:8443", false],
    ["from the port of hosts with an asterisk", apps, "http://shop.example.org:3000", true],
    ["not from a host that ends like one with an asterisk", apps, "https://evilexample.com", false],
    ["not from a host for whose dot there is another letter", apps, "https://shop.exampleXcom", false],
    ["not from a host that goes on after one", apps, "https://shop.example.com.evil.example", false],
    ["from an application's scheme on the list", apps, "capacitor://localhost", true],
    ["from an extension on the list", apps, "chrome-extension://abcdefghijklmnopabcdefghijklmnop", true],
    ["not from another extension", apps, "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba", false],
    ["not from an application that is not on the list", apps, "ionic://localhost", false],
    ["from anywhere with an asterisk", { ...nothing, corsOrigins: ["*"] }, "https://anywhere.example", true]
  ] as const
  for (const [what, config, origin, expected] of cases) {
    it(`${what}: ${origin}`, () => assert.strictEqual(isAllowedOrigin(config)(origin), expected))
  }
})

const OWN = "https://chat.example.com"
const APP = "https://app.example.com"
const FOREIGN = ["https://evil.example", "null", "http://localhost:8000", `${OWN}.evil.example`]

const CORS_HEADERS = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-private-network"
]

const server = Server.layer({ publicUrl: Option.some(OWN), corsOrigins: [APP] })

layer(server, { excludeTestServices: true, timeout: "60 seconds" })("over HTTP", (it) => {
  it.effect("a page that may call gets CORS headers, on answers, errors and preflights", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      for (const origin of [OWN, APP]) {
        const headers = { origin }
        const preflight = {
          method: "OPTIONS",
          headers: {
            ...headers,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type"
          }
        }
        const answers = [
          yield* request(`${url}/users/`, { headers }),
          yield* request(`${url}/users/1`, { headers }),
          yield* request(`${url}/nowhere`, { headers }),
          yield* request(`${url}/messages/`, preflight)
        ]
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [200, 404, 404, 204]
        )
        for (const answer of answers) {
          assert.strictEqual(answer.headers.get("access-control-allow-origin"), origin)
          assert.include(answer.headers.get("vary")?.toLowerCase(), "origin")
        }
        const { headers: allowed } = answers[3]!
        assert.match(allowed.get("access-control-allow-methods") ?? "", /POST/)
        assert.match(allowed.get("access-control-allow-headers") ?? "", /authorization.*content-type/)
      }
    })
  )

  it.effect("a page may send the trace that a call is part of", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const { headers } = yield* request(`${url}/messages/`, {
        method: "OPTIONS",
        headers: {
          origin: APP,
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type,traceparent,tracestate"
        }
      })
      const allowed = headers.get("access-control-allow-headers")?.split(",") ?? []
      assert.includeMembers(allowed, ["content-type", "traceparent", "tracestate"])
      // Sentry, Zipkin and Datadog have their own.
      assert.includeMembers(allowed, ["sentry-trace", "baggage", "b3", "x-b3-traceid", "x-datadog-trace-id"])
    })
  )

  it.effect("a page may read the tag of an answer, and ask whether it is current", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const preflight = yield* request(`${url}/messages/`, {
        method: "OPTIONS",
        headers: {
          origin: APP,
          "access-control-request-method": "GET",
          "access-control-request-headers": "if-none-match"
        }
      })
      const answer = yield* request(`${url}/users/`, { headers: { origin: APP } })
      assert.include(preflight.headers.get("access-control-allow-headers") ?? "", "if-none-match")
      assert.include(answer.headers.get("access-control-expose-headers") ?? "", "etag")
    })
  )

  it.effect("a foreign page gets none, whatever Host says", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      for (const origin of FOREIGN) {
        const headers = { origin, host: new URL(origin === "null" ? OWN : origin).host }
        for (const [path, method] of [
          ["/users/", "GET"],
          ["/nowhere", "GET"],
          ["/messages/", "OPTIONS"],
          ["/ws/1", "OPTIONS"]
        ] as const) {
          const answer = yield* request(url + path, {
            method,
            headers: { ...headers, "access-control-request-method": "POST" }
          })
          for (const name of CORS_HEADERS) assert.isNull(answer.headers.get(name), `${name} for ${origin}`)
        }
      }
    })
  )

  it.effect("a foreign page posts nothing that browsers send without asking", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const body = new TextEncoder().encode('{"username":"mallory"}')
      for (const type of [
        undefined,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "text/plain; charset=application/json"
      ]) {
        const headers = { origin: FOREIGN[0]!, ...(type === undefined ? {} : { "content-type": type }) }
        const { status } = yield* request(`${url}/users/`, { method: "POST", headers, body })
        assert.strictEqual(status, 415, type)
      }
      assert.strictEqual((yield* request(`${url}/users/`)).body, "[]")
    })
  )

  it.effect("a foreign page opens no socket, and a page that may call does", () =>
    Effect.gen(function* () {
      const { url, webSocketUrl } = yield* Server
      yield* post(`${url}/users/`, { username: "alice" })
      for (const origin of FOREIGN) {
        const { status } = yield* Effect.flip(openSocket(`${webSocketUrl}/ws/1`, { headers: { origin } }))
        assert.strictEqual(status, 403, origin)
        // A page under a name of its own for this machine, as DNS rebinding has it.
        const headers = { origin, host: new URL(origin === "null" ? OWN : origin).host }
        const rebound = yield* Effect.flip(openSocket(`${webSocketUrl}/ws/1`, { headers }))
        assert.include([403, 421], rebound.status, origin)
      }
      for (const headers of [{}, { origin: OWN }, { origin: APP }]) {
        const { next } = yield* openSocket(`${webSocketUrl}/ws/1`, { headers })
        assert.strictEqual((yield* next).type, "system")
      }
    })
  )

  it.effect("every answer forbids sniffing and names no software; pages have a content security policy", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const paths = [
        "/",
        "/users/",
        "/users/0",
        "/nowhere",
        "/health",
        "/openapi.json",
        "/docs",
        "/redoc",
        "/ws/1"
      ]
      for (const path of paths) {
        const { headers } = yield* request(url + path)
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff", path)
        for (const name of ["server", "x-powered-by", "via"]) assert.isNull(headers.get(name), name)
        if (headers.get("content-type")?.startsWith("text/html")) {
          const policy = headers.get("content-security-policy") ?? ""
          assert.match(policy, /default-src 'self'/)
          assert.match(policy, /frame-ancestors 'none'/)
          assert.notMatch(policy, /script-src[^;]*'unsafe-/)
        }
      }
      assert.match((yield* request(`${url}/docs`)).headers.get("content-type") ?? "", /^text\/html/)
    })
  )
})
