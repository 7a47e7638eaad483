import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import { CloseCode } from "../../src/api/CloseCode.ts"
import type { State } from "../../src/client/State.ts"
import { memoryStorage } from "../../src/client/Storage.ts"
import { bearer, post, request } from "../security/support/Server.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { isOnline, openClient, type TestClient } from "./support/Clients.ts"
import { type ScriptedSocket, scriptedServer } from "./support/ScriptedServer.ts"

const USER = { id: 1 }

const isOffline = ({ status }: State) => status.type === "offline"

/** In how many milliseconds a client that is offline connects again. */
const delayOf = (client: TestClient) =>
  Effect.gen(function* () {
    const { status } = yield* client.until(isOffline)
    return status.type === "offline" ? status.retryAt - (yield* Clock.currentTimeMillis) : Number.NaN
  })

const nextOfType = (socket: ScriptedSocket, type: string) =>
  Effect.repeat(socket.next, { until: (frame) => frame.type === type })

/** A token that says this of itself, and is signed by nobody. Times are in seconds since 1970. */
const tokenWith = (claims: { readonly exp: number; readonly iat?: number; readonly name?: string }) =>
  `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.`

const tokenUntil = (exp: number, name: string) => tokenWith({ exp, name })

describe("a connection", () => {
  it.effect("to a server that freezes is taken for dead within 35 s", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const server = yield* startProcess({ DATA_DIR: dataDir })
      const url = yield* server.listening
      const create = { method: "POST", headers: { "content-type": "application/json" } }
      yield* Effect.promise(() => fetch(`${url}/users/`, { ...create, body: '{"username":"alice"}' }))
      const client = yield* openClient({ url }, USER)
      yield* client.until((state) => isOnline(state) && state.list.isLoaded)
      yield* server.signal("SIGSTOP")
      yield* TestClock.adjust("24 seconds")
      assert.isTrue(isOnline(client.state()))
      yield* TestClock.adjust("11 seconds")
      assert.isFalse(isOnline(client.state()))
    })
  )

  it.effect("lasts as long as its pings are answered", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const client = yield* openClient(server, USER)
      const socket = yield* server.socket
      yield* client.until(isOnline)
      for (let ping = 0; ping < 3; ping++) {
        yield* TestClock.adjust("25 seconds")
        yield* nextOfType(socket, "ping")
        yield* socket.send({ type: "pong", timestamp: "2026-01-01T00:00:00.000Z" })
        // It comes after the pong: by then the client has heard of both.
        yield* socket.send({ type: "presence", user_id: 2 as never, online: ping % 2 === 0, last_seen: null })
        yield* client.until(({ presence }) => presence.get(2 as never)?.online === (ping % 2 === 0))
      }
      assert.isTrue(isOnline(client.state()))
    })
  )

  it.effect("begins again when the server said, and not before", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const client = yield* openClient(server, USER)
      const socket = yield* server.socket
      yield* client.until(isOnline)
      yield* socket.send({ type: "reconnect", after_ms: 7000 })
      yield* socket.close(CloseCode.restarting.code, CloseCode.restarting.reason)
      assert.strictEqual(yield* delayOf(client), 7000)
      yield* TestClock.adjust("6999 millis")
      assert.isTrue(isOffline(client.state()))
      yield* TestClock.adjust("1 millis")
      yield* server.socket
      yield* client.until(isOnline)
    })
  )

  it.effect("is tried again and again after delays that are drawn, up to bounds that double until 30 s", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      yield* server.end
      const client = yield* openClient(server, USER)
      const delays: Array<number> = []
      yield* client.until(isOffline)
      const statuses = new Set<State["status"]>()
      client.store.subscribe(({ status }) => statuses.add(status))
      for (let attempt = 0; attempt < 12; attempt++) {
        const delay = yield* delayOf(client)
        const failed = client.state().status
        delays.push(delay)
        yield* TestClock.adjust(Math.ceil(delay))
        yield* client.until(({ status }) => status !== failed)
      }
      // It is offline all the time: nobody is told anything else at each attempt.
      assert.deepEqual(new Set([...statuses].map(({ type }) => type)), new Set(["offline"]))
      const bounds = delays.map((_, attempt) => Math.min(500 * 2 ** attempt, 30_000))
      assert.isTrue(
        delays.every((delay, attempt) => delay >= 0 && delay <= bounds[attempt]!),
        delays.join()
      )
      // Jitter: no two clients that lost the same server come back in step.
      assert.isAbove(new Set(delays.map((delay, attempt) => delay / bounds[attempt]!)).size, 6)
    })
  )

  it.effect(
    "on a dead network is offline once an attempt has failed, and is tried at longer and longer delays",
    () =>
      Effect.gen(function* () {
        const server = yield* scriptedServer
        server.silence(true)
        const client = yield* openClient(server, USER)
        const delays: Array<number> = []
        for (let attempt = 1; attempt <= 8; attempt++) {
          yield* server.unanswered(attempt)
          assert.strictEqual(client.state().status.type, attempt === 1 ? "connecting" : "offline")
          const before = client.state().status
          yield* TestClock.adjust("10 seconds")
          yield* client.until(({ status }) => status !== before)
          delays.push(yield* delayOf(client))
          yield* client.nudge
        }
        assert.isTrue(delays.some((delay) => delay > 500))
      })
  )

  it.effect("is tried anew at once when the network may have changed during an attempt", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      server.silence(true)
      const client = yield* openClient(server, USER)
      yield* server.unanswered(1)
      server.silence(false)
      yield* client.nudge
      yield* client.until(isOnline)
    })
  )

  it.effect("that was lost before a message was sent is no reason to wait for its answer", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const gate = yield* Deferred.make<() => void>()
      const lock = () => Effect.runPromise(Deferred.await(gate))
      const client = yield* openClient(server, USER, { storage: { ...memoryStorage(), lock } })
      const first = yield* server.socket
      yield* client.until(isOnline)
      yield* client.send({ userId: 2 }, "hello")
      yield* first.close(CloseCode.restarting.code, CloseCode.restarting.reason)
      yield* client.until(isOffline)
      yield* Deferred.succeed(gate, () => {})
      yield* client.until(({ outbox }) => outbox[0]?.state === "sending")
      yield* TestClock.adjust("1 second")
      const second = yield* server.socket
      yield* client.until(isOnline)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* nextOfType(second, "send"), { content: "hello" })
    })
  )

  it.live("that is refused to a suspended user closes the client as the end of an open one does", () =>
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const { url } = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
      const service = bearer(yield* keys.mint({ scope: "service" }))
      yield* post(`${url}/users/`, { username: "alice" }, service)
      const token = yield* keys.mint({ sub: "1" })
      const before = yield* openClient({ url }, USER, { token })
      yield* before.until(isOnline)
      yield* request(`${url}/users/1/suspension`, { method: "PUT", headers: service })
      const ended = yield* before.until(({ status }) => status.type === "closed")
      const after = yield* openClient({ url }, USER, { token })
      const refused = yield* after.until(({ status }) => status.type === "closed")
      assert.deepEqual(ended.status, {
        type: "closed",
        reason: "forbidden",
        message: "The user is suspended"
      })
      assert.deepEqual(refused.status, ended.status)
    })
  )

  it.effect.each(Object.values(CloseCode).map((code) => [code.reason, code] as const))(
    'closed with "%s" does what the table of codes says',
    ([, { code, reason, reconnect }]) =>
      Effect.gen(function* () {
        const server = yield* scriptedServer
        const client = yield* openClient(server, USER)
        const socket = yield* server.socket
        yield* client.until(isOnline)
        yield* socket.close(code, reason)
        const { status } = yield* client.until(({ status }) => status.type !== "online")
        assert.strictEqual(status.type, reconnect ? "offline" : "closed")
      })
  )
})

describe("a token", () => {
  it.effect("is renewed on the open socket before it expires", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      let asked = 0
      const token = () => tokenUntil(25 * ++asked, String(asked))
      const client = yield* openClient(server, USER, { token })
      const socket = yield* server.socket
      assert.include(socket.protocols, `bearer.${tokenUntil(25, "1")}`)
      yield* client.until(isOnline)
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* nextOfType(socket, "auth"), { token: tokenUntil(50, "2") })
      assert.isTrue(isOnline(client.state()))
    })
  )

  it.effect.each([
    ["ahead", -400],
    ["behind", 400]
  ] as const)("is renewed when its time is nearly over on a device whose clock is %s", ([, issuedAfter]) =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const server = yield* scriptedServer
      let asked = 0
      const iat = 3600 + issuedAfter
      const token = () => tokenWith({ iat, exp: iat + 25, name: String(++asked) })
      const client = yield* openClient(server, USER, { token })
      const socket = yield* server.socket
      yield* client.until(isOnline)
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust("1 second")
      yield* nextOfType(socket, "auth")
      assert.strictEqual(asked, 2)
    })
  )

  it.effect("that seems to have expired at once is not asked for again and again", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const server = yield* scriptedServer
      let asked = 0
      const client = yield* openClient(server, USER, { token: () => tokenUntil(60, String(++asked)) })
      const socket = yield* server.socket
      yield* client.until((state) => isOnline(state) && state.list.isLoaded)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust("1 second")
      yield* nextOfType(socket, "auth")
      assert.strictEqual(asked, 2)
    })
  )

  it.effect("that was refused is replaced, and a client that has no other is closed", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const tokens = ["first", "second", "second"]
      const client = yield* openClient(server, USER, { token: () => tokens.shift() ?? "second" })
      const { code, reason } = CloseCode.unauthorized
      const first = yield* server.socket
      assert.include(first.protocols, "bearer.first")
      yield* client.until(isOnline)
      yield* first.close(code, reason)
      yield* client.until(isOffline)
      yield* TestClock.adjust("1 second")
      const second = yield* server.socket
      assert.include(second.protocols, "bearer.second")
      yield* client.until(isOnline)
      yield* second.close(code, reason)
      const { status } = yield* client.until(({ status }) => status.type === "closed")
      assert.deepInclude(status, { reason: "unauthorized" })
    })
  )

  it.effect("that no handshake can carry leaves the client offline, and says so", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      const client = yield* openClient(server, USER, { token: "no token=" })
      const { status } = yield* client.until(isOffline)
      assert.include(status.type === "offline" && status.reason, "Protocol")
    })
  )

  it.effect("that was refused is replaced by one that was got before the refusal was known", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      let hasOther = false
      const token = () => {
        if (hasOther) return tokenUntil(99, "2")
        if (asked++ > 0) throw new Error("No network")
        return tokenUntil(25, "1")
      }
      let asked = 0
      const client = yield* openClient(server, USER, { token })
      const first = yield* server.socket
      yield* client.until(isOnline)
      // It is due, and cannot be renewed before the server closes the socket.
      yield* TestClock.adjust("20 seconds")
      hasOther = true
      yield* first.close(CloseCode.unauthorized.code, CloseCode.unauthorized.reason)
      const { status } = yield* client.until(({ status }) => status.type !== "online")
      assert.strictEqual(status.type, "offline")
      yield* TestClock.adjust("1 second")
      const second = yield* server.socket
      assert.include(second.protocols, `bearer.${tokenUntil(99, "2")}`)
    })
  )
})
