import { hostname } from "node:os"
import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { exchange, statusOf, webSocketHandshake } from "./support/RawSocket.ts"
import { post } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

const statusFor = (port: number, host: string, path = "/users/") =>
  Effect.map(exchange(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), statusOf)

it.live("an open server on a loopback address answers to names of this machine only", () =>
  Effect.gen(function* () {
    const { url, port } = yield* startServer({
      ...(yield* freshEmbedded),
      publicUrl: Option.some("https://chat.example.com/")
    })
    yield* post(`${url}/users/`, { username: "alice" })
    const own = ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", hostname(), "chat.example.com"]
    for (const host of own.flatMap((name) => [name, `${name}:${port}`])) {
      assert.strictEqual(yield* statusFor(port, host), 200, host)
    }
    const foreign = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]
    for (const host of foreign.flatMap((name) => [name, `${name}:${port}`])) {
      for (const path of ["/users/", "/nowhere", "/docs"]) {
        assert.strictEqual(yield* statusFor(port, host, path), 421, `${host} ${path}`)
      }
    }
    const answer = yield* exchange(port, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert.include(answer, "urn:minichat:problem:misdirected-request")
    assert.include(answer, "PUBLIC_URL")

    const socket = yield* webSocketHandshake(port, "/ws/1", { Host: "evil.example" })
    assert.strictEqual(statusOf(yield* socket.head), 421)
    const good = yield* webSocketHandshake(port, "/ws/1", { Host: "localhost" })
    assert.strictEqual(statusOf(yield* good.head), 101)
  })
)

it.live("with AUTH=required, or on another address, every name is answered", () =>
  Effect.gen(function* () {
    const { settings } = yield* makeKeys()
    const required = yield* startServer({ ...(yield* freshEmbedded), ...settings })
    assert.strictEqual(yield* statusFor(required.port, "chat.internal", "/"), 200)
    const elsewhere = yield* startServer({ ...(yield* freshEmbedded), host: "0.0.0.0" })
    assert.strictEqual(yield* statusFor(elsewhere.port, "chat.internal", "/"), 200)
  })
)
