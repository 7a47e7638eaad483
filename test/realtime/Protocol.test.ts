import { assert, layer } from "@effect/vitest"
import { Context, Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { databaseUrl } from "../support/Services.ts"
import { ChatServer } from "./support/ChatServer.ts"

layer(ChatServer.layer(), { excludeTestServices: true })("the WebSocket protocol", (it) => {
  it.effect("answers a ping with a pong", () =>
    Effect.gen(function* () {
      const { newUser, connect } = yield* ChatServer
      const socket = yield* connect(yield* newUser)
      yield* socket.expect("system")

      yield* socket.send({ type: "ping", an_extra_field: [1] })

      const { timestamp } = yield* socket.expect("pong")
      assert.strictEqual(new Date(timestamp).toISOString(), timestamp)
    })
  )

  it.effect("shows a posted message to its receiver, with the next number of the inbox", () =>
    Effect.gen(function* () {
      const { newUser, connect, post } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(bob)
      yield* socket.expect("system")

      const { delivered_via_websocket: _, ...first } = yield* post(alice, bob, "  hello \u{1F600}  ")
      const { delivered_via_websocket: __, ...second } = yield* post(alice, bob, "again")

      assert.deepStrictEqual(yield* socket.expect("message"), { type: "message", seq: 1, ...first })
      assert.deepStrictEqual(yield* socket.expect("message"), { type: "message", seq: 2, ...second })
      assert.strictEqual(first.content, "hello \u{1F600}")
    })
  )

  it.effect("acknowledges a send once it is committed", () =>
    Effect.gen(function* () {
      const { newUser, connect, client } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(alice, { protocol: null })
      yield* socket.expect("system")

      yield* socket.send({ type: "send", receiver_id: bob.id, content: " hi ", client_id: "c1" })

      const { client_id, message } = yield* socket.expect("ack")
      const history = yield* client.messages.history({ query: { user_id: bob.id, skip: 0, limit: 10 } })
      assert.strictEqual(client_id, "c1")
      assert.deepStrictEqual(history, [message])
      assert.include(message, { sender_id: alice.id, receiver_id: bob.id, content: "hi" })
    })
  )

  it.effect("acknowledges a send without a client_id", () =>
    Effect.gen(function* () {
      const { newUser, connect } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(alice, { protocol: null })
      yield* socket.expect("system")

      yield* socket.send({ type: "send", receiver_id: bob.id, content: "1" })
      yield* socket.send({ type: "send", receiver_id: bob.id, content: "2", client_id: null })

      for (const content of ["1", "2"]) {
        const ack = yield* socket.expect("ack")
        assert.notProperty(ack, "client_id")
        assert.strictEqual(ack.message.content, content)
      }
    })
  )

  it.effect("shows a user's own message, with its client_id, to the user's sockets of version 2", () =>
    Effect.gen(function* () {
      const { newUser, connect, post } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const sender = yield* connect(alice)
      const device = yield* connect(alice)
      yield* Effect.all([sender.expect("system"), device.expect("system")])

      yield* sender.send({ type: "send", receiver_id: bob.id, content: "hi", client_id: "c1" })
      yield* post(alice, bob, "from elsewhere")

      const [one, two, three] = yield* sender.take(3)
      const ack = [one, two, three].find((frame) => frame?.type === "ack")
      assert.strictEqual(ack?.type, "ack")
      const sent = yield* device.expect("message_sent")
      assert.deepStrictEqual<unknown>(sent, {
        type: "message_sent",
        seq: 1,
        ...(ack as { readonly message: object }).message,
        client_id: "c1"
      })
      assert.deepInclude([one, two, three], sent)
      assert.notProperty(yield* device.expect("message_sent"), "client_id")
    })
  )

  for (const protocol of [null, "minichat.v1"] as const) {
    it.effect(
      `shows a socket of ${protocol ?? "no subprotocol"} no kind of event that is new in version 2`,
      () =>
        Effect.gen(function* () {
          const { newUser, connect, post } = yield* ChatServer
          const [alice, bob] = [yield* newUser, yield* newUser]
          yield* post(alice, bob, "before")
          const socket = yield* connect(alice, { protocol, since: 0 })

          yield* post(alice, bob, "a message_sent for alice")
          yield* post(bob, alice, "a message for alice")
          const frames = yield* socket.take(2)
          yield* socket.send({ type: "send", receiver_id: bob.id, content: "hi" })
          yield* socket.send("{}")
          yield* socket.send({ type: "ping" })
          frames.push(...(yield* socket.take(3)))
          yield* post(bob, alice, "the last")
          frames.push(yield* socket.next)

          assert.deepStrictEqual(
            frames.map(({ type }) => type),
            ["system", "message", "ack", "error", "pong", "message"]
          )
          assert.deepStrictEqual(
            frames.flatMap((frame) => (frame.type === "message" ? [frame.seq] : [])),
            [3, 5]
          )
        })
    )
  }

  it.effect("answers everything that one socket sends in the order in which it was sent", () =>
    Effect.gen(function* () {
      const { newUser, connect } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(alice, { protocol: null })
      yield* socket.expect("system")
      const message = (client_id: string, receiver_id = bob.id as number) =>
        socket.send({ type: "send", receiver_id, content: client_id, client_id })

      yield* Effect.all([
        socket.send({ type: "ping" }),
        message("c1"),
        message("c2"),
        socket.send("{"),
        message("c3"),
        socket.send({ type: "ping" }),
        message("to nobody", 999_999),
        message("to oneself", alice.id),
        message("c4"),
        socket.send({ type: "shout" })
      ])

      const answers = (yield* socket.take(10)).map((frame) =>
        frame.type === "error" ? frame.code : frame.type === "ack" ? frame.client_id : frame.type
      )
      assert.deepStrictEqual(answers, [
        "pong",
        "c1",
        "c2",
        "bad_frame",
        "c3",
        "pong",
        "receiver_not_found",
        "invalid",
        "c4",
        "unknown_type"
      ])
    })
  )

  it.effect.runIf(databaseUrl !== undefined)(
    "answers a send that finds the database held up with how long to wait",
    () =>
      Effect.gen(function* () {
        const { server, newUser, connect } = yield* ChatServer
        const { pipeline: sql } = Context.get(server.services, Database)
        const [alice, bob] = [yield* newUser, yield* newUser]
        const socket = yield* connect(alice)
        yield* socket.expect("system")

        const error = yield* Effect.gen(function* () {
          yield* sql`SELECT 1 FROM inboxes WHERE user_id = ${bob.id} FOR UPDATE`
          yield* socket.send({ type: "send", receiver_id: bob.id, content: "hi", client_id: "c1" })
          return yield* socket.expect("error")
        }).pipe(sql.withTransaction)

        assert.include(error, { code: "unavailable", client_id: "c1", retry_after_ms: 1000 })
        yield* socket.send({ type: "send", receiver_id: bob.id, content: "hi", client_id: "c1" })
        const frames = yield* socket.take(2)
        assert.sameMembers(
          frames.map(({ type }) => type),
          ["ack", "message_sent"]
        )
      })
  )
})
