import { connect as connectTcp } from "node:net"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { openSocket, type Received } from "../support/TestSocket.ts"
import { ChatServer } from "./support/ChatServer.ts"
import { openRawSocket } from "./support/RawSocket.ts"

layer(ChatServer.layer(), { excludeTestServices: true })("the WebSocket handshake", (it) => {
  it.effect("greets a socket with the user's name and the head of the inbox", () =>
    Effect.gen(function* () {
      const { newUser, connect, post } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      yield* post(alice, bob, "one")
      yield* post(alice, bob, "two")

      const { timestamp, epoch, ...greeting } = yield* (yield* connect(bob)).expect("system")

      assert.deepStrictEqual<unknown>(greeting, {
        type: "system",
        message: `Connected to chat as ${bob.username}`,
        user_id: bob.id,
        cursor: 2
      })
      assert.match(epoch, /^[0-9a-f]{12}$/)
      assert.approximately(Date.parse(timestamp), Date.now(), 60_000)
    })
  )

  it.effect("answers an offer of subprotocols with the newest of them, whatever their order", () =>
    Effect.gen(function* () {
      const { server, newUser } = yield* ChatServer
      const { id } = yield* newUser
      const chosen = (protocols: Array<string>) =>
        Effect.map(openSocket(`${server.webSocketUrl}/ws/${id}`, { protocols }), ({ protocol }) => protocol)

      assert.strictEqual(yield* chosen([]), "")
      assert.strictEqual(yield* chosen(["minichat.v1"]), "minichat.v1")
      assert.strictEqual(yield* chosen(["minichat.v1", "minichat.v2"]), "minichat.v2")
      assert.strictEqual(yield* chosen(["minichat.v2", "minichat.v1"]), "minichat.v2")
      assert.strictEqual(yield* chosen(["graphql-ws", "minichat.v1"]), "minichat.v1")
    })
  )

  it.effect("chooses none of the subprotocols that it does not know", () =>
    Effect.gen(function* () {
      const { server, newUser } = yield* ChatServer
      const { id } = yield* newUser

      const refused = yield* Effect.flip(
        openSocket(`${server.webSocketUrl}/ws/${id}`, { protocols: ["graphql-ws"] })
      )

      assert.strictEqual(refused.body, "Server sent no subprotocol")
    })
  )

  it.effect("greets first, and then answers what came with the handshake", () =>
    Effect.gen(function* () {
      const { server, newUser } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const send = { type: "send", receiver_id: bob.id, content: "early", client_id: "c1" }

      const { next } = yield* openRawSocket(server.port, `/ws/${alice.id}`, [send, { type: "ping" }])

      const frames = yield* Effect.replicateEffect(next, 4)
      assert.strictEqual(frames[0]?.type, "system")
      assert.sameMembers(
        frames.slice(1).map(({ type }) => type),
        ["ack", "message_sent", "pong"]
      )
    })
  )

  it.effect("takes a path with a slash at its end", () =>
    Effect.gen(function* () {
      const { server, newUser } = yield* ChatServer
      const { id } = yield* newUser
      const { next } = yield* openSocket(`${server.webSocketUrl}/ws/${id}/`)
      assert.include<Received>(yield* next, { type: "system", user_id: id })
    })
  )

  it.effect("refuses with 422, before the upgrade, a user id that is not one", () =>
    Effect.gen(function* () {
      const { server } = yield* ChatServer
      for (const id of ["abc", "0", "-1", "1.5", "01", "1e3", "%20"]) {
        const { status, headers, body } = yield* Effect.flip(openSocket(`${server.webSocketUrl}/ws/${id}`))
        assert.strictEqual(status, 422, id)
        assert.strictEqual(headers["content-type"], "application/problem+json")
        assert.deepStrictEqual(JSON.parse(body).errors[0].path, ["params", "user_id"])
      }
    })
  )

  it.effect("refuses with 422, before the upgrade, a since that is not a place in an inbox", () =>
    Effect.gen(function* () {
      const { server, newUser } = yield* ChatServer
      const { id } = yield* newUser
      for (const since of ["-1", "1.5", "abc", "", "1e3", "+1", "1&since=2"]) {
        const { status, body } = yield* Effect.flip(
          openSocket(`${server.webSocketUrl}/ws/${id}?since=${since}`)
        )
        assert.strictEqual(status, 422, since)
        assert.deepStrictEqual(JSON.parse(body).errors[0].path, ["query", "since"])
      }
    })
  )

  it.effect("closes a socket of a user that does not exist with 4004 and nothing else", () =>
    Effect.gen(function* () {
      const { server } = yield* ChatServer
      for (const id of ["999999", "99999999999999999999"]) {
        const { closed, arrived } = yield* openSocket(`${server.webSocketUrl}/ws/${id}`)
        assert.deepStrictEqual(yield* closed, { code: 4004, reason: "User not found" })
        assert.isEmpty(yield* arrived)
      }
    })
  )

  it.effect("answers a plain GET with 426", () =>
    Effect.gen(function* () {
      const { server, newUser } = yield* ChatServer
      const { id } = yield* newUser
      const response = yield* Effect.promise(() => fetch(`${server.url}/ws/${id}`))
      assert.strictEqual(response.status, 426)
      assert.strictEqual(response.headers.get("upgrade"), "websocket")
      assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
    })
  )

  it.effect("answers a handshake without a key with 400, and goes on", () =>
    Effect.gen(function* () {
      const { server, newUser, connect } = yield* ChatServer
      const user = yield* newUser

      const answer = yield* rawExchange(
        server.port,
        `GET /ws/${user.id} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
      )

      assert.match(answer, /^HTTP\/1\.1 400 /)
      yield* (yield* connect(user)).expect("system")
    })
  )
})

/** Sends bytes over a connection of their own and answers with what comes back until the server closes it. */
const rawExchange = (port: number, request: string) =>
  Effect.callback<string>((resume) => {
    let answer = ""
    const tcp = connectTcp(port, "127.0.0.1", () => tcp.write(request))
    tcp.on("data", (chunk) => (answer += chunk))
    tcp.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => tcp.destroy())
  })
