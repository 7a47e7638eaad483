import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect } from "effect"
import { VERSION } from "../../src/domain/Version.ts"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { ChatServer, newPair, newUser, newUsername, send, TIMESTAMP } from "./ChatServer.ts"

/** Every path that is served, and what it takes. */
const PATHS: ReadonlyArray<readonly [path: string, methods: ReadonlyArray<string>]> = [
  ["/", ["GET"]],
  ["/users", ["GET", "POST"]],
  ["/users/1", ["GET", "PATCH", "DELETE"]],
  ["/users/by-external-id/1", ["GET", "PUT"]],
  ["/users/1/export", ["GET"]],
  ["/users/1/blocks", ["GET"]],
  ["/users/1/blocks/2", ["PUT", "DELETE"]],
  ["/users/1/suspension", ["GET", "PUT", "DELETE"]],
  ["/users/1/presence", ["GET"]],
  ["/users/1/events", ["GET"]],
  ["/messages", ["GET", "POST"]],
  ["/messages/recent/1", ["GET"]],
  ["/messages/1/report", ["POST"]],
  ["/reports", ["GET"]],
  ["/reports/1", ["DELETE"]],
  ["/messages/1", ["GET", "PATCH", "DELETE"]],
  ["/messages/1/reactions/%F0%9F%91%8D", ["PUT", "DELETE"]],
  ["/conversations", ["GET", "POST"]],
  ["/conversations/1", ["GET", "PATCH"]],
  ["/conversations/1/members", ["GET"]],
  ["/conversations/1/members/1", ["PUT", "DELETE"]],
  ["/conversations/1/read", ["POST"]],
  ["/health", ["GET"]],
  ["/livez", ["GET"]],
  ["/readyz", ["GET"]],
  ["/ws/1", ["GET"]],
  ["/docs", ["GET"]],
  ["/redoc", ["GET"]],
  ["/redoc/redoc.standalone.js", ["GET"]],
  ["/metrics", ["GET"]],
  ["/openapi.json", ["GET"]]
]

const allow = (methods: ReadonlyArray<string>) =>
  [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ")

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("system", () => {
    it.effect("the root names the server and its parts", () =>
      Effect.gen(function* () {
        const { ask, client } = yield* ChatServer
        const { status, json } = yield* ask("GET", "/")
        assert.strictEqual(status, 200)
        assert.deepEqual(json, {
          message: "Mini Chat",
          version: VERSION,
          endpoints: { users: "/users/", messages: "/messages/", websocket: "/ws/{user_id}", docs: "/docs" }
        })
        assert.deepEqual(yield* client.system.welcome(), json)
      })
    )

    it.effect("health of an embedded server says that its parts are embedded", () =>
      Effect.gen(function* () {
        const { ask, client } = yield* ChatServer
        const { status, json } = yield* ask("GET", "/health")
        const { timestamp, ...parts } = json
        assert.strictEqual(status, 200)
        assert.deepEqual(Object.keys(json), ["status", "database", "redis", "timestamp"])
        assert.deepEqual(parts, { status: "OK", database: "OK (embedded)", redis: "OK (embedded)" })
        assert.match(timestamp, TIMESTAMP)
        assert.deepInclude(yield* client.system.health(), parts)
      })
    )

    it.effect("the probes are OK while the server takes traffic", () =>
      Effect.gen(function* () {
        const { client } = yield* ChatServer
        assert.deepEqual(yield* client.system.livez(), { status: "OK" })
        assert.deepEqual(yield* client.system.readyz(), { status: "OK" })
      })
    )

    it.effect.each(PATHS)("%s is served with and without the trailing slash", ([path]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const bare = yield* ask("GET", path)
        const slashed = yield* ask("GET", path === "/" ? "//" : `${path}/`)
        assert.notInclude([bare.json?.type, slashed.json?.type], "urn:minichat:problem:not-found")
        assert.strictEqual(slashed.status, bare.status)
      })
    )

    it.effect.each(PATHS)("OPTIONS on %s is a 204 that names the methods", ([path, methods]) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { status, headers, text } = yield* ask("OPTIONS", path)
        assert.deepEqual([status, headers.get("allow"), text], [204, allow(methods), ""])
      })
    )

    it.effect.each(PATHS)("%s refuses every other method with a 405 that names its own", ([path, methods]) =>
      Effect.gen(function* () {
        const { ask, stored } = yield* ChatServer
        const before = yield* stored
        for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
          if (methods.includes(method)) continue
          const { status, headers, json } = yield* ask(method, path, { json: {} })
          assert.strictEqual(status, 405)
          assert.strictEqual(headers.get("allow"), allow(methods))
          assert.strictEqual(headers.get("content-type"), "application/problem+json")
          assert.deepEqual(json, {
            type: "urn:minichat:problem:method-not-allowed",
            title: "Method Not Allowed",
            status: 405,
            detail: `${path} does not take ${method}, only ${allow(methods)}`
          })
        }
        assert.strictEqual(yield* stored, before)
      })
    )

    it.effect("HEAD answers as GET does, without the body", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { id } = yield* newUser
        const paths = [
          "/",
          `/users/${id}`,
          "/users/",
          `/messages/?user_id=${id}`,
          `/messages/recent/${id}`,
          "/docs"
        ]
        for (const path of [...paths, "/users/0", "/users/2147483647", "/nowhere"]) {
          const get = yield* ask("GET", path)
          const head = yield* ask("HEAD", path)
          assert.deepEqual([head.status, head.text], [get.status, ""], path)
          assert.strictEqual(head.headers.get("content-type"), get.headers.get("content-type"), path)
          assert.strictEqual(head.headers.get("content-length"), get.headers.get("content-length"), path)
        }
      })
    )

    it.effect.each([
      "/nowhere",
      "/users/1/nothing",
      "/messages/recent/1/2",
      "/conversations/1/nothing",
      "/ws",
      "/docs/x",
      "/%00"
    ])("GET, POST and OPTIONS on %s, where nothing is, are a 404", (path) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        for (const method of ["GET", "POST", "OPTIONS"]) {
          const { status, headers, json } = yield* ask(method, path)
          assert.strictEqual(status, 404, method)
          assert.strictEqual(headers.get("content-type"), "application/problem+json")
          assert.deepEqual(json, {
            type: "urn:minichat:problem:not-found",
            title: "Not Found",
            status: 404,
            detail: `There is nothing at ${path}`
          })
        }
      })
    )

    it.effect("a plain GET of a socket's path is answered that it must upgrade", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { status, headers, json } = yield* ask("GET", "/ws/1")
        assert.strictEqual(status, 426)
        assert.strictEqual(headers.get("upgrade"), "websocket")
        assert.deepInclude(json, { type: "urn:minichat:problem:upgrade-required", title: "Upgrade Required" })
      })
    )

    it.effect("no answer names the software that serves it, and none lets its type be guessed", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        for (const path of ["/", "/users/0", "/nowhere", "/docs"]) {
          const { headers } = yield* ask("GET", path)
          assert.isNull(headers.get("server"))
          assert.isNull(headers.get("x-powered-by"))
          assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        }
      })
    )
  })

  describe("cross-origin requests", () => {
    const preflight = (origin: string) =>
      Effect.flatMap(ChatServer, ({ ask }) =>
        ask("OPTIONS", "/users/", {
          headers: {
            origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type"
          }
        })
      )

    const corsHeaders = (headers: Headers) =>
      [...headers.keys()].filter((name) => name.startsWith("access-control-"))

    it.effect.each(["http://localhost:3000", "https://localhost", "http://127.0.0.1:8000"])(
      "pages of %s may call the server",
      (origin) =>
        Effect.gen(function* () {
          const { ask } = yield* ChatServer
          const asked = yield* preflight(origin)
          assert.strictEqual(asked.status, 204)
          assert.strictEqual(asked.headers.get("access-control-allow-origin"), origin)
          assert.include(asked.headers.get("access-control-allow-methods"), "POST")
          assert.include(asked.headers.get("access-control-allow-headers")!.toLowerCase(), "content-type")
          assert.include(asked.headers.get("access-control-allow-headers")!.toLowerCase(), "authorization")

          const made = yield* ask("POST", "/users/", {
            headers: { origin },
            json: { username: newUsername() }
          })
          assert.strictEqual(made.status, 200)
          assert.strictEqual(made.headers.get("access-control-allow-origin"), origin)
          assert.include(made.headers.get("vary")!.toLowerCase(), "origin")
        })
    )

    it.effect("an answer that is a problem can be read by an allowed page too", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const origin = "http://localhost:3000"
        for (const [method, path] of [
          ["POST", "/users/"],
          ["GET", "/users/0"],
          ["GET", "/nowhere"],
          ["DELETE", "/users/"]
        ] as const) {
          const { status, headers } = yield* ask(method, path, { headers: { origin } })
          assert.isAtLeast(status, 400)
          assert.strictEqual(headers.get("access-control-allow-origin"), origin, path)
        }
      })
    )

    it.effect.each([
      "https://evil.example",
      "http://localhost.evil.example",
      "http://evil.example/?http://localhost:3000",
      "https://127.0.0.1.evil.example",
      "null"
    ])("pages of %s get no CORS headers", (origin) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const asked = yield* preflight(origin)
        assert.notInclude(corsHeaders(asked.headers), "access-control-allow-origin")
        const answered = yield* ask("GET", "/users/", { headers: { origin } })
        assert.notInclude(corsHeaders(answered.headers), "access-control-allow-origin")
        assert.notInclude(corsHeaders(answered.headers), "access-control-allow-credentials")
      })
    )

    it.effect("a page's origin is not believed to be the server's own because Host says so", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { headers } = yield* ask("GET", "/users/", {
          headers: { origin: "http://evil.example", host: "evil.example" }
        })
        assert.isNull(headers.get("access-control-allow-origin"))
      })
    )
  })

  // The last ones of this server: a node that leaves or drains never stops to.
  describe("a node that leaves", () => {
    it.effect("says so to balancers, asks for connections no longer, and takes sockets", () =>
      Effect.gen(function* () {
        const { ask, server } = yield* ChatServer
        const lifecycle = Context.get(server.services, Lifecycle)
        assert.strictEqual((yield* ask("GET", "/livez")).headers.get("connection"), "keep-alive")
        yield* lifecycle.leave

        const { status, json } = yield* ask("GET", "/readyz")
        assert.deepEqual([status, json], [503, { status: "DRAINING" }])
        const answer = yield* ask("GET", "/livez")
        assert.deepEqual([answer.status, answer.headers.get("connection")], [200, "close"])
        assert.isFalse(lifecycle.isDraining())
      })
    )
  })

  describe("a node that drains", () => {
    it.effect("is not ready, and goes on serving what it is asked", () =>
      Effect.gen(function* () {
        const { ask, client, server } = yield* ChatServer
        yield* Context.get(server.services, Lifecycle).drain

        const { status, json } = yield* ask("GET", "/readyz")
        assert.deepEqual([status, json], [503, { status: "DRAINING" }])
        assert.deepEqual(yield* client.system.readyz(), { status: "DRAINING" })
        assert.deepEqual(yield* client.system.livez(), { status: "OK" })
        const { alice, bob } = yield* newPair
        yield* send(alice, bob, "still served")
      })
    )
  })
})
