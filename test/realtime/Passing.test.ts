import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Scope } from "effect"
import { Typing } from "../../src/chat/Typing.ts"
import { Watches } from "../../src/chat/Watches.ts"
import type { User } from "../../src/domain/User.ts"
import { type ChatSocket, type chatOn, hasSharedServices } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"
import { oneNode, twoNodes } from "./support/Nodes.ts"

/** The frames that were sent to a socket before and not taken yet. */
const flushed = (socket: ChatSocket) => Effect.andThen(socket.send({ type: "ping" }), framesUntilPong(socket))

const framesUntilPong = Effect.fnUntraced(function* (socket: ChatSocket) {
  const frames: Array<{ readonly type: string }> = []
  while (true) {
    const frame = yield* socket.next
    if (frame.type === "pong") return frames
    frames.push(frame)
  }
})

const group = Effect.fnUntraced(function* (
  { client }: Effect.Success<ReturnType<typeof chatOn>>,
  owner: User,
  members: ReadonlyArray<User>
) {
  return yield* client.conversations.create({
    payload: {
      user_id: owner.id,
      kind: "group",
      title: "Hiking",
      member_ids: members.map(({ id }) => id)
    }
  })
})

const tests = (nodes: typeof twoNodes | typeof oneNode) => {
  it.live(
    "who types is sent to the others of a conversation, and to no socket of the original protocol",
    () =>
      Effect.gen(function* () {
        const [here, there] = yield* nodes
        const [alice, bob, carol] = [yield* here.newUser, yield* here.newUser, yield* here.newUser]
        const { id } = yield* group(here, alice, [bob])
        const [phone, laptop] = [yield* here.connect(alice), yield* there.connect(alice)]
        const bobs = yield* there.connect(bob)
        const old = yield* there.connect(bob, { protocol: "minichat.v1" })
        const stranger = yield* there.connect(carol)
        for (const socket of [phone, laptop, bobs, old, stranger]) yield* socket.expect("system")

        const told = (typing: boolean) => ({
          type: "typing" as const,
          conversation_id: id,
          user_id: alice.id,
          typing
        })
        yield* phone.send({ type: "typing", conversation_id: id, typing: true })
        assert.deepStrictEqual<unknown>(yield* bobs.expect("typing"), told(true))
        yield* phone.send({ type: "send", conversation_id: id, content: "hi", client_id: "1" })
        assert.include(yield* phone.nextOf("ack"), { client_id: "1" })
        const [one, other] = [yield* bobs.next, yield* bobs.next]
        assert.sameMembers([one.type, other.type], ["message", "typing"])
        assert.deepInclude([one, other] as ReadonlyArray<unknown>, told(false))

        yield* stranger.send({ type: "typing", conversation_id: id, typing: true })
        assert.include(yield* stranger.expect("error"), { code: "forbidden" })
        assert.isEmpty(yield* flushed(stranger))
        assert.isEmpty(yield* flushed(old))
        assert.deepStrictEqual(
          (yield* flushed(laptop)).map(({ type }) => type),
          ["message_sent"]
        )
      })
  )

  it.live("typing ends when its socket closes", () =>
    Effect.gen(function* () {
      const [here, there] = yield* nodes
      const [alice, bob] = [yield* here.newUser, yield* here.newUser]
      const { conversation_id } = yield* here.post(alice, bob, "hello")
      const scope = yield* Scope.make()
      const phone = yield* Scope.provide(here.connect(alice), scope)
      const bobs = yield* there.connect(bob)
      yield* Effect.all([phone.expect("system"), bobs.expect("system")])
      yield* phone.send({ type: "typing", conversation_id, typing: true })
      assert.isTrue((yield* bobs.expect("typing")).typing)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse((yield* bobs.expect("typing")).typing)
    })
  )

  it.live("presence is sent to watchers: at once for a first socket, and 3 s after the last one closed", () =>
    Effect.gen(function* () {
      const [here, there] = yield* nodes
      const [alice, bob] = [yield* here.newUser, yield* here.newUser]
      const watcher = yield* here.connect(bob)
      const old = yield* here.connect(bob, { protocol: "minichat.v1" })
      yield* Effect.all([watcher.expect("system"), old.expect("system")])
      yield* watcher.send({ type: "watch", user_ids: [alice.id, bob.id] })
      assert.deepStrictEqual<unknown>(
        (yield* watcher.take(2)).map((frame) => frame.type === "presence" && [frame.user_id, frame.online]),
        [
          [alice.id, false],
          [bob.id, true]
        ]
      )

      const scope = yield* Scope.make()
      const phone = yield* Scope.provide(there.connect(alice), scope)
      yield* phone.expect("system")
      assert.include(yield* watcher.expect("presence"), { user_id: alice.id, online: true })
      const before = Date.now()
      yield* Scope.close(scope, Exit.void)
      const gone = yield* watcher.expect("presence")
      assert.include(gone, { user_id: alice.id, online: false })
      assert.isAtLeast(Date.parse(gone.last_seen!), before)
      assert.isAtLeast(Date.now(), before + 3000)
      assert.isEmpty(yield* flushed(old))
    })
  )

  it.live("a read is sent to the user's own devices and to the others of a group", () =>
    Effect.gen(function* () {
      const [here, there] = yield* nodes
      const [alice, bob] = [yield* here.newUser, yield* here.newUser]
      const { id } = yield* group(here, alice, [bob])
      const [phone, laptop, bobs] = [
        yield* here.connect(alice),
        yield* there.connect(alice),
        yield* there.connect(bob)
      ]
      for (const socket of [phone, laptop, bobs]) yield* socket.expect("system")
      yield* bobs.send({ type: "send", conversation_id: id, content: "hi" })
      yield* bobs.expect("message_sent")
      const { message } = yield* bobs.expect("ack")
      for (const socket of [phone, laptop]) yield* socket.expect("message")

      yield* phone.send({ type: "read", conversation_id: id, message_id: message.id })
      const read = { type: "read", conversation_id: id, user_id: alice.id, message_id: message.id }
      for (const socket of [phone, laptop]) {
        const { seq, ...rest } = yield* socket.expect("read")
        assert.isNumber(seq)
        assert.deepStrictEqual<unknown>(rest, read)
      }
      assert.deepStrictEqual<unknown>(yield* bobs.expect("read"), read)

      yield* phone.send({ type: "read", conversation_id: id, message_id: message.id + 1000 })
      assert.include(yield* phone.expect("error"), { code: "not_found" })
    })
  )

  it.live("nothing is left of typing and watches when their sockets are closed", () =>
    Effect.gen(function* () {
      const [here] = yield* nodes
      const [alice, bob] = [yield* here.newUser, yield* here.newUser]
      const { conversation_id } = yield* here.post(alice, bob, "hello")
      const { services } = here.server
      yield* Effect.gen(function* () {
        for (let i = 0; i < 10; i++) {
          const socket = yield* here.connect(i % 2 === 0 ? alice : bob)
          yield* socket.expect("system")
          yield* socket.send({ type: "watch", user_ids: [alice.id, bob.id, 1000 + i] })
          yield* socket.send({ type: "typing", conversation_id, typing: true })
          // The notice that another socket of this test types may come first.
          yield* socket.next.pipe(
            Effect.tap(({ type }) => Effect.sync(() => assert.include(["typing", "presence"], type))),
            Effect.repeat({ until: ({ type }) => type === "presence" })
          )
        }
        assert.strictEqual(yield* Context.get(services, Watches).size, 12)
      }).pipe(Effect.scoped)
      yield* eventually(Context.get(services, Watches).size, (size) => size === 0)
      yield* eventually(Context.get(services, Typing).size, (size) => size === 0)
    })
  )
}

describe("frames in passing: one node", () => tests(oneNode))
describe.runIf(hasSharedServices)("frames in passing: two nodes", () => tests(twoNodes))
