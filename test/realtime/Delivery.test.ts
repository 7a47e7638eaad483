import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Effect, Fiber } from "effect"
import { followersOf } from "../support/Followers.ts"
import { startServer } from "../support/TestServer.ts"
import { ChatServer, chatOn, hasSharedServices, sharedServices } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"

/** How many sends are written before the first answer is read. */
const BURST = 1000

layer(ChatServer.layer(), { excludeTestServices: true })("a message", (it) => {
  it.effect("reaches each of its receiver's sockets once, and nobody else's", () =>
    Effect.gen(function* () {
      const { newUser, connect, post } = yield* ChatServer
      const [alice, bob, carol] = [yield* newUser, yield* newUser, yield* newUser]
      const sockets = yield* Effect.replicateEffect(connect(bob), 5)
      const other = yield* connect(carol)
      yield* Effect.forEach([...sockets, other], ({ expect }) => expect("system"))

      const first = yield* post(alice, bob, "first")
      const last = yield* post(alice, bob, "last")
      yield* post(alice, carol, "for carol")

      assert.isTrue(first.delivered_via_websocket)
      for (const { take, arrived } of sockets) {
        const ids = (yield* take(2)).map((frame) => (frame.type === "message" ? frame.id : frame.type))
        assert.deepStrictEqual(ids, [first.id, last.id])
        assert.isEmpty(yield* arrived)
      }
      assert.strictEqual((yield* other.expect("message")).content, "for carol")
    })
  )

  it.effect("that a waiting poll is handed counts as delivered", () =>
    Effect.gen(function* () {
      const { newUser, client, post, server } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      const poll = yield* Effect.forkChild(
        client.users.events({ params: { user_id: bob.id }, query: { since: 0, wait: 25 } })
      )
      yield* eventually(followersOf(server.services, bob.id), (polls) => polls === 1)

      const first = yield* post(alice, bob, "first")
      const { events } = yield* Fiber.join(poll)

      assert.isTrue(first.delivered_via_websocket)
      assert.include(events[0], { type: "message", id: first.id })
    })
  )

  it.effect("is not delivered while no socket of its receiver is open", () =>
    Effect.gen(function* () {
      const { newUser, connect, post } = yield* ChatServer
      const [alice, bob] = [yield* newUser, yield* newUser]
      yield* (yield* connect(alice)).expect("system")

      const { delivered_via_websocket } = yield* post(alice, bob, "hello?")

      assert.isFalse(delivered_via_websocket)
    })
  )

  it.effect(
    "that is one of 1,000 sent at once is acknowledged in its turn, and stands there in the inbox",
    () =>
      Effect.gen(function* () {
        const { newUser, connect } = yield* ChatServer
        const [alice, bob] = [yield* newUser, yield* newUser]
        const sender = yield* connect(alice, { protocol: null })
        const receiver = yield* connect(bob)
        yield* Effect.all([sender.expect("system"), receiver.expect("system")])
        const clientIds = Array.makeBy(BURST, (i) => `c${i}`)

        yield* Effect.forEach(clientIds, (client_id) =>
          sender.send({ type: "send", receiver_id: bob.id, content: client_id, client_id })
        )

        const acks = yield* Effect.replicateEffect(sender.expect("ack"), BURST)
        const events = yield* Effect.replicateEffect(receiver.expect("message"), BURST)
        assert.deepStrictEqual(
          acks.map(({ client_id }) => client_id),
          clientIds
        )
        assert.deepStrictEqual(
          events.map(({ seq, id, content }) => ({ seq, id, content })),
          acks.map(({ message: { id, content } }, i) => ({ seq: i + 1, id, content }))
        )
      })
  )
})

describe.runIf(hasSharedServices)("a message between two nodes", () => {
  const twoNodes = Effect.gen(function* () {
    const services = yield* sharedServices
    const [a, b] = yield* Effect.all(
      [Effect.flatMap(startServer(services), chatOn), Effect.flatMap(startServer(services), chatOn)],
      { concurrency: 1 }
    )
    return { a, b, alice: yield* a.newUser, bob: yield* a.newUser }
  })

  it.live("that is posted on one reaches the sockets on the other", () =>
    Effect.gen(function* () {
      const { a, b, alice, bob } = yield* twoNodes
      const receiver = yield* b.connect(bob)
      const device = yield* b.connect(alice)
      yield* Effect.all([receiver.expect("system"), device.expect("system")])

      const { delivered_via_websocket, ...message } = yield* a.post(alice, bob, "hello", "c1")

      assert.isTrue(delivered_via_websocket)
      assert.deepStrictEqual(yield* receiver.expect("message"), { type: "message", seq: 1, ...message })
      assert.deepStrictEqual(yield* device.expect("message_sent"), {
        type: "message_sent",
        seq: 1,
        ...message,
        client_id: "c1"
      })
    })
  )

  it.live("that is sent on both at once has the same place on both", () =>
    Effect.gen(function* () {
      const { a, b, alice, bob } = yield* twoNodes
      const [onA, onB] = [yield* a.connect(bob), yield* b.connect(bob)]
      yield* Effect.all([onA.expect("system"), onB.expect("system")])
      const each = 100

      yield* Effect.all(
        [a, b].flatMap(({ post }) => Array.makeBy(each, (i) => post(alice, bob, `message ${i}`))),
        { concurrency: 20 }
      )

      const seenOnA = yield* Effect.replicateEffect(onA.expect("message"), 2 * each)
      const seenOnB = yield* Effect.replicateEffect(onB.expect("message"), 2 * each)
      assert.deepStrictEqual(seenOnA, seenOnB)
      assert.deepStrictEqual(
        seenOnA.map(({ seq }) => seq),
        Array.range(1, 2 * each)
      )
      assert.deepStrictEqual(
        seenOnA,
        seenOnA.toSorted((one, other) => one.id - other.id)
      )
    })
  )

  it.live("is not delivered when the receiver's last socket, on the other node, has closed", () =>
    Effect.gen(function* () {
      const { a, b, alice, bob } = yield* twoNodes
      const device = yield* b.connect(bob)
      yield* device.expect("system")
      assert.isTrue((yield* a.post(alice, bob, "one")).delivered_via_websocket)

      device.socket.close()
      yield* device.closed
      const later = yield* eventually(
        a.post(alice, bob, "more"),
        ({ delivered_via_websocket }) => !delivered_via_websocket
      )

      assert.strictEqual(later.content, "more")
    })
  )
})
