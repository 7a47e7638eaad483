import { assert, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { exchange, rawSocket, statusOf, webSocketHandshake } from "./support/RawSocket.ts"
import { allSocketsClosed, post, request, Server } from "./support/Server.ts"

const MAX_BODY_BYTES = 2048

// Long enough for whoever is not slow, on a machine that is busy.
const server = Server.layer({
  headersTimeout: Duration.millis(2500),
  requestTimeout: Duration.millis(3500),
  keepAliveTimeout: Duration.seconds(12),
  maxBodyBytes: MAX_BODY_BYTES
})

/** A request that asks for the connection to be closed after its answer. */
const get = (target: string, ...headers: ReadonlyArray<string>) =>
  [`GET ${target} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers, "", ""].join("\r\n")

const postUsers = (headers: ReadonlyArray<string>, body: string) =>
  ["POST /users/ HTTP/1.1", "Host: localhost", "Content-Type: application/json", ...headers, "", body].join(
    "\r\n"
  )

const upgrade = (...headers: ReadonlyArray<string>) =>
  [
    "GET /ws/1 HTTP/1.1",
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    ...headers,
    "",
    ""
  ].join("\r\n")

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
const VERSION = "Sec-WebSocket-Version: 13"

const deep = `{"username":${"[".repeat(1000)}${"]".repeat(1000)}}`

/** What is sent, byte for byte, and the statuses that are right for it; 0 stands for a closed connection. */
const shapes: Readonly<Record<string, readonly [bytes: string, ...statuses: ReadonlyArray<number>]>> = {
  "a path with an encoded slash": [get("/users/..%2fhealth"), 422],
  "a path that climbs": [get("/users/../health"), 404],
  "a path that climbs, encoded": [get("/users/%2e%2e/health"), 404],
  "a path that climbs out of the root": [get("/../../etc/passwd"), 404],
  "a path under the docs that climbs": [get("/redoc/../../package.json"), 404],
  "a path with an encoded NUL": [get("/users/%00"), 422],
  "a path with encoded line breaks": [get("/users/%0d%0aX: y"), 400],
  "a path with a bad escape": [get("/users/%zz"), 404],
  "a path with half an escape": [get("/users/%e2%82"), 404],
  "a path with a bad escape at the root": [get("/%"), 404],
  "a query with a bad escape": [get("/users/?limit=%zz"), 422],
  "a query that repeats a name": [get("/users/?limit=1&limit=2"), 422],
  "a query with names of prototypes": [get("/users/?__proto__=1&constructor=1&limit=1"), 200],
  "a path with empty parts": [get("//users//"), 200],
  "a path with a backslash": [get("/users\\1"), 404],
  "a long path": [get(`/users/${"1".repeat(9000)}`), 404],
  "a target in absolute form": [get("http://evil.example/users/"), 421],
  "a target in absolute form without a host": [get("http:///users/"), 421],
  "a target of another scheme": [get("ftp://evil.example/users/"), 404],
  "a target that is an asterisk": [get("*"), 200],
  "a target without a path": [get("?limit=1"), 400],
  "a proxy's CONNECT": ["CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n", 0],
  "a TRACE": [get("/").replace("GET", "TRACE"), 405],
  "a method that is none": [get("/").replace("GET", "G ET"), 400],
  "no Host": ["GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  "a foreign Host": [get("/users/").replace("localhost", "evil.example"), 421],
  "two Hosts": [get("/users/", "Host: evil.example"), 200],
  "a Host that is none": [get("/users/").replace("localhost", "[::::"), 421],
  "an empty Host": [get("/users/").replace("localhost", ""), 200],
  "HTTP/1.0": ["GET /health HTTP/1.0\r\n\r\n", 200],
  "the preface of HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  "an upgrade to HTTP/2": [
    get("/health").replace("Connection: close", "Connection: close, Upgrade\r\nUpgrade: h2c"),
    200
  ],
  "the hello of TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
  "line breaks without carriage returns": ["GET /health HTTP/1.1\nHost: localhost\n\n", 400],
  "a header that goes on in the next line": [get("/health", "X-Folded: a", " b"), 400],
  "a header with a space before its colon": [get("/health", "X-Spaced : a"), 400],
  "a header without a name": [get("/health", ": a"), 400],
  "a header with a NUL": [get("/health", "X-Nul: a\0b"), 400],
  "a header of 20 KiB": [get("/health", `X-Big: ${"a".repeat(20_480)}`), 431],
  "a flood of headers": [get("/health", ...Array.from({ length: 2000 }, (_, i) => `X-${i}: a`)), 431],
  "a length and chunks": [postUsers(["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n"), 400],
  "two lengths": [postUsers(["Content-Length: 2", "Content-Length: 3"], "{} "), 400],
  "two equal lengths": [postUsers(["Content-Length: 2", "Content-Length: 2"], "{}"), 400],
  "a list of lengths": [postUsers(["Content-Length: 2, 2"], "{}"), 400],
  "a negative length": [postUsers(["Content-Length: -1"], "{}"), 400],
  "a length in hexadecimal": [postUsers(["Content-Length: 0x2"], "{}"), 400],
  "a length past all numbers": [postUsers([`Content-Length: ${"9".repeat(30)}`], "{}"), 400],
  "an unknown transfer encoding": [postUsers(["Transfer-Encoding: xchunked"], "0\r\n\r\n"), 400],
  "chunks that are not the last encoding": [
    postUsers(["Transfer-Encoding: chunked, gzip"], "0\r\n\r\n"),
    400
  ],
  "a chunk without a size": [postUsers(["Transfer-Encoding: chunked"], "zz\r\n{}\r\n0\r\n\r\n"), 400],
  "a chunk with a long extension": [
    postUsers(["Transfer-Encoding: chunked"], `2;${"a".repeat(20_000)}\r\n{}\r\n0\r\n\r\n`),
    413
  ],
  "a body that is JSON of another kind": [postUsers(["Connection: close", "Content-Length: 4"], "null"), 422],
  "a body that is no JSON": [postUsers(["Connection: close", "Content-Length: 1"], "{"), 422],
  "a body that is empty": [postUsers(["Connection: close", "Content-Length: 0"], ""), 422],
  "a body that is deep": [postUsers(["Connection: close", `Content-Length: ${deep.length}`], deep), 422],
  "a body with the name of a prototype": [
    postUsers(["Connection: close", "Content-Length: 33"], '{"__proto__":{"username":"eve1"}}'),
    422
  ],
  "an expectation that is none": [
    postUsers(["Connection: close", "Expect: wonders", "Content-Length: 2"], "{}"),
    417
  ],
  "a handshake without a key": [upgrade(VERSION), 400],
  "a handshake with a bad key": [upgrade(VERSION, "Sec-WebSocket-Key: short"), 400],
  "a handshake without a version": [upgrade(KEY), 400],
  "a handshake of an old version": [upgrade(KEY, "Sec-WebSocket-Version: 7"), 400],
  "a handshake with a bad subprotocol": [upgrade(KEY, VERSION, "Sec-WebSocket-Protocol: a,,b"), 400],
  "a handshake for no user": [upgrade(KEY, VERSION).replace("/ws/1", "/ws/%zz"), 404],
  "a handshake for a user id that is none": [upgrade(KEY, VERSION).replace("/ws/1", "/ws/0x1"), 422],
  "a handshake with a cursor that is none": [upgrade(KEY, VERSION).replace("/ws/1", "/ws/1?since=-1"), 422],
  "a handshake with two cursors": [upgrade(KEY, VERSION).replace("/ws/1", "/ws/1?since=1&since=2"), 422],
  "a handshake that posts": [upgrade(KEY, VERSION).replace("GET", "POST"), 405],
  "a handshake behind a request that is not answered yet": [
    `GET /users/ HTTP/1.1\r\nHost: localhost\r\n\r\n${upgrade(KEY, VERSION)}`,
    0,
    200
  ],
  "a handshake somewhere else": [upgrade(KEY, VERSION).replace("/ws/1", "/users/"), 200]
}

layer(server, { excludeTestServices: true, timeout: "60 seconds" })("over raw TCP", (it) => {
  for (const [what, [bytes, ...statuses]] of Object.entries(shapes)) {
    it.effect(`${what} is answered with ${statuses.join(" or ") || "nothing"}`, () =>
      Effect.gen(function* () {
        const { port } = yield* Server
        const answer = yield* exchange(port, bytes)
        assert.include(statuses, statusOf(answer), answer.slice(0, 500))
      })
    )
  }

  it.effect("an answer says how long an idle connection stays open, as KEEP_ALIVE_TIMEOUT does", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const { headers } = yield* request(`${url}/livez`)
      assert.strictEqual(headers.get("keep-alive"), "timeout=12")
    })
  )

  it.effect("a client whose handshake is refused is hung up on, whatever it goes on to send", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const socket = yield* rawSocket(port, { allowHalfOpen: true })
      yield* socket.write(upgrade(KEY, VERSION).replace("/ws/1", "/ws/0x1"))
      yield* socket.until("the refusal", () =>
        statusOf(String(socket.received())) === 422 ? true : undefined
      )
      const more = Effect.andThen(socket.write("more"), Effect.sleep("10 millis"))
      assert.strictEqual(statusOf(String(yield* Effect.raceFirst(socket.closed, Effect.forever(more)))), 422)
    })
  )

  it.effect("a handshake whose connection is not to be upgraded is answered with 426", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const socket = yield* rawSocket(port)
      yield* socket.write(upgrade(KEY, VERSION).replace("Connection: Upgrade", "Connection: keep-alive"))
      const status = socket.until("an answer", () => statusOf(String(socket.received())) || undefined)
      assert.strictEqual(yield* status, 426)
    })
  )

  it.effect("a body beside an offer of HTTP/2 is read", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const body = '{"username":"offersh2c"}'
      const offer = ["Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]
      const answer = yield* exchange(port, postUsers([...offer, `Content-Length: ${body.length}`], body))
      assert.strictEqual(statusOf(answer), 200)
      assert.include(answer, "offersh2c")
    })
  )

  it.effect("nobody is smuggled in behind a request that is refused", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const smuggled = `POST /users/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"username":"smuggled"}`
      const carriers = [
        postUsers(["Content-Length: 5", "Transfer-Encoding: chunked"], `0\r\n\r\n${smuggled}`),
        postUsers(["Transfer-Encoding: xchunked"], `0\r\n\r\n${smuggled}`),
        postUsers(["Content-Length: 0", `Content-Length: ${smuggled.length}`], smuggled)
      ]
      for (const carrier of carriers) {
        const answer = yield* exchange(port, carrier)
        assert.lengthOf(answer.match(/HTTP\/1\.1 /g) ?? [], 1)
      }
      assert.notInclude(yield* exchange(port, get("/users/?limit=1000")), "smuggled")
    })
  )

  it.effect("a client that is slow with its headers or its body is answered 408 and dropped", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const drip = Effect.gen(function* () {
        const socket = yield* rawSocket(port)
        yield* socket.write("GET /health HTTP/1.1\r\n")
        const header = Effect.andThen(socket.write("X-Slow: a\r\n"), Effect.sleep("50 millis"))
        return String(yield* Effect.raceFirst(socket.closed, Effect.forever(header)))
      })
      const slow = {
        "sends nothing": exchange(port, ""),
        "begins its request": exchange(port, "G"),
        "begins a header": exchange(port, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "),
        "begins a handshake": exchange(port, upgrade().slice(0, -4)),
        "sends header after header": drip,
        "begins its body": exchange(port, postUsers(["Content-Length: 100"], '{"username":')),
        "begins a chunk": exchange(port, postUsers(["Transfer-Encoding: chunked"], "5\r\n{}"))
      }
      const answers = yield* Effect.all(slow, { concurrency: "unbounded" })
      for (const [what, answer] of Object.entries(answers)) assert.strictEqual(statusOf(answer), 408, what)
    })
  )

  it.effect(
    "a body over MAX_BODY_BYTES is 413, with its length or without, and one of that size is not",
    () =>
      Effect.gen(function* () {
        const { port } = yield* Server
        const body = (bytes: number) => `{"username":"${"a".repeat(bytes - 15)}"}`
        const whole = (bytes: number) =>
          postUsers(["Connection: close", `Content-Length: ${bytes}`], body(bytes))
        const chunked = (bytes: number) =>
          postUsers(
            ["Connection: close", "Transfer-Encoding: chunked"],
            `${bytes.toString(16)}\r\n${body(bytes)}\r\n0\r\n\r\n`
          )
        for (const shape of [whole, chunked]) {
          assert.strictEqual(statusOf(yield* exchange(port, shape(MAX_BODY_BYTES))), 422)
          const answer = yield* exchange(port, shape(MAX_BODY_BYTES + 1))
          assert.strictEqual(statusOf(answer), 413)
          assert.include(answer, "urn:minichat:problem:content-too-large")
        }
      })
  )

  it.effect("a body of gigabytes is refused before it is sent", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const answer = yield* exchange(port, postUsers(["Content-Length: 10000000000"], "a".repeat(100_000)))
      assert.strictEqual(statusOf(answer), 413)
    })
  )

  it.effect("a client that leaves in the middle leaves nothing behind", () =>
    Effect.gen(function* () {
      const current = yield* Server
      yield* post(`${current.url}/users/`, { username: "alice" })
      for (const bytes of [postUsers(["Content-Length: 100"], "{"), upgrade(KEY, VERSION), get("/users/")]) {
        yield* Effect.scoped(Effect.flatMap(rawSocket(current.port), ({ write }) => write(bytes)))
      }
      const socket = yield* webSocketHandshake(current.port, "/ws/1")
      yield* socket.textWith("system")
      yield* Effect.sync(() => socket.socket.destroy())
      yield* allSocketsClosed(current)
    })
  )

  it.effect("after all that the server serves as before", () =>
    Effect.gen(function* () {
      const { url } = yield* Server
      const { status, body } = yield* request(`${url}/health`)
      assert.strictEqual(status, 200)
      assert.propertyVal(JSON.parse(body), "status", "OK")
    })
  )
})
