import { assert, layer } from "@effect/vitest"
import { Array, Effect } from "effect"
import { ChatServer, commitUnannounced, pruneAll } from "./support/ChatServer.ts"

layer(ChatServer.layer(), { excludeTestServices: true })("a resume", (it) => {
  const aliceAndBob = Effect.gen(function* () {
    const chat = yield* ChatServer
    const [alice, bob] = [yield* chat.newUser, yield* chat.newUser]
    return { ...chat, alice, bob }
  })

  it.effect("from the head has nothing to replay, and goes live", () =>
    Effect.gen(function* () {
      const { alice, bob, connect, post } = yield* aliceAndBob
      yield* post(alice, bob, "one")
      const socket = yield* connect(bob, { since: 1 })

      assert.include(yield* socket.expect("system"), { cursor: 1 })
      assert.include(yield* socket.expect("resumed"), { recovered: true, cursor: 1 })
      yield* post(alice, bob, "two")
      assert.include(yield* socket.expect("message"), { seq: 2, content: "two" })
    })
  )

  it.effect("from beyond the head is not recovered, and goes live", () =>
    Effect.gen(function* () {
      const { alice, bob, connect, post } = yield* aliceAndBob
      yield* post(alice, bob, "one")
      const sockets = yield* Effect.forEach(["2", "9".repeat(20)], (since) => connect(bob, { since }))

      for (const { expect } of sockets) {
        assert.include(yield* expect("system"), { cursor: 1, recovered: false })
      }
      yield* post(alice, bob, "two")
      for (const { expect } of sockets) {
        assert.include(yield* expect("message"), { seq: 2, content: "two" })
      }
    })
  )

  it.effect("from before what is kept is not recovered, and one from there gets the rest", () =>
    Effect.gen(function* () {
      const { alice, bob, connect, post, server } = yield* aliceAndBob
      yield* post(alice, bob, "one")
      yield* post(alice, bob, "two")
      yield* pruneAll(server)
      yield* post(alice, bob, "three")

      const tooLate = yield* connect(bob, { since: 1 })
      const inTime = yield* connect(bob, { since: 2 })

      assert.include(yield* tooLate.expect("system"), { cursor: 3, recovered: false })
      assert.notProperty(yield* inTime.expect("system"), "recovered")
      assert.include(yield* inTime.expect("message"), { seq: 3 })
      assert.include(yield* inTime.expect("resumed"), { cursor: 3 })
      yield* post(alice, bob, "four")
      assert.include(yield* tooLate.expect("message"), { seq: 4 })
    })
  )

  it.effect("from an event that this node has not heard of yet goes on from there", () =>
    Effect.gen(function* () {
      const { alice, bob, connect, server } = yield* aliceAndBob
      const device = yield* connect(bob)
      assert.include(yield* device.expect("system"), { cursor: 0 })
      yield* commitUnannounced(server, alice, bob, "seen on another node")

      const socket = yield* connect(bob, { since: 1 })

      const greeting = yield* socket.expect("system")
      assert.include(greeting, { cursor: 1 })
      assert.notProperty(greeting, "recovered")
      assert.include(yield* device.expect("message"), { seq: 1 })
    })
  )

  it.effect("of a socket of version 1 gets its messages, in order, and no other frame", () =>
    Effect.gen(function* () {
      const { alice, bob, connect, post } = yield* aliceAndBob
      for (let i = 0; i < 100; i++) yield* i % 2 === 0 ? post(alice, bob, `${i}`) : post(bob, alice, `${i}`)
      const socket = yield* connect(bob, { since: 0, protocol: "minichat.v1" })
      yield* socket.expect("system")
      yield* post(alice, bob, "live")

      const frames = yield* socket.take(51)

      assert.deepStrictEqual(
        frames.map((frame) => (frame.type === "message" ? frame.seq : frame.type)),
        Array.range(0, 50).map((i) => 2 * i + 1)
      )
    })
  )
})
