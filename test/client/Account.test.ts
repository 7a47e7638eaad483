import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "../../src/client/Client.ts"
import type { SendOptions, Target } from "../../src/client/Commands.ts"
import { memoryStorage } from "../../src/client/Storage.ts"
import { conversationList, messagesOf } from "../../src/client/Views.ts"
import { ChatServer } from "../realtime/support/ChatServer.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"
import { isOnline, openClient } from "./support/Clients.ts"

const pair = Effect.gen(function* () {
  const chat = yield* ChatServer
  return { chat, server: chat.server, alice: yield* chat.newUser, bob: yield* chat.newUser }
})

const linesOf = (data: Blob) =>
  Effect.map(
    Effect.promise(() => data.text()),
    (text) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
  )

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("the client", (it) => {
  it.effect("hands out what is stored of its user", () =>
    Effect.gen(function* () {
      const { chat, server, alice, bob } = yield* pair
      yield* chat.post(alice, bob, "mine")
      yield* chat.post(bob, alice, "theirs")
      const a = yield* openClient(server, alice)
      const lines = yield* linesOf(yield* a.exportData())
      assert.deepEqual(
        lines.map(({ type }) => type),
        ["profile", "conversation", "message", "end"]
      )
      assert.deepInclude(lines[2].message, { content: "mine" })
    })
  )

  it.effect("hands out nothing when a part of it is missing", () =>
    Effect.gen(function* () {
      const { server, alice, bob, chat } = yield* pair
      for (let i = 0; i < 500; i++) yield* chat.post(alice, bob, "long ".repeat(150))
      const proxy = yield* tcpProxy(new URL(server.url))
      const a = yield* openClient(proxy, alice)
      yield* a.until((state) => isOnline(state) && state.list.isLoaded)
      const whole = yield* a.exportData()
      yield* proxy.cutAfter(whole.size / 2)
      const error = yield* Effect.flip(a.exportData())
      assert.strictEqual(error._tag, "Unreachable")
    })
  )

  it.effect(
    "deletes its user, forgets it on this device, and may be asked again when the answer was lost",
    () =>
      Effect.gen(function* () {
        const { chat, server, alice, bob } = yield* pair
        yield* chat.post(alice, bob, "to be deleted")
        const proxy = yield* tcpProxy(new URL(server.url))
        const storage = memoryStorage()
        const open = () => Effect.promise(() => connect({ url: proxy.url.href, userId: alice.id, storage }))
        const client = yield* open()
        yield* Effect.promise(async () => {
          for await (const { status, list } of client.states())
            if (status.type === "online" && list.isLoaded) break
          await client.send({ userId: bob.id }, "waits")
        })
        yield* proxy.hold("replies")
        const lost = client.deleteAccount().then(
          () => "deleted",
          ({ _tag }) => _tag
        )
        const b = yield* openClient(server, bob)
        yield* b.until((state) =>
          [...state.conversations.values()].some((entry) => entry.with?.username === `deleted-${alice.id}`)
        )
        yield* proxy.cut
        assert.strictEqual(yield* Effect.promise(() => lost), "Unreachable")
        yield* proxy.release
        yield* proxy.restore
        yield* Effect.promise(() => client.deleteAccount())
        assert.deepEqual(yield* Effect.promise(() => storage.list("")), [])
        assert.deepInclude(client.state.status, { type: "closed" })
        const again = yield* open()
        yield* Effect.promise(async () => {
          for await (const { status } of again.states()) if (status.type === "closed") break
        })
        assert.deepInclude(again.state.status, { reason: "user_not_found" })
        yield* Effect.promise(() => again.disconnect())
        assert.deepEqual(yield* Effect.promise(() => storage.list("")), [])
      })
  )

  it.effect("that was offline while another user was erased shows what one shows that loads afresh", () =>
    Effect.gen(function* () {
      const { chat, server, alice, bob } = yield* pair
      const carol = yield* chat.newUser
      const proxy = yield* tcpProxy(new URL(server.url))
      const a = yield* openClient(proxy, alice)
      const b = yield* openClient(server, bob)
      const c = yield* openClient(server, carol)
      yield* Effect.all([a, b, c].map((client) => client.until(isOnline)))
      const say = (from: typeof a, to: Target, text: string, options?: SendOptions) =>
        Effect.flatMap(from.send(to, text, options), ({ client_id }) => from.acknowledged(client_id))

      const { id: group } = yield* b.createGroup("Three", [alice.id, carol.id])
      const places = [{ userId: bob.id }, { conversationId: group }] as const
      const opened: Array<number> = []
      for (const place of places) {
        const theirs = yield* say(b, "userId" in place ? { userId: alice.id } : place, "from bob")
        const id = theirs.conversation_id!
        const mine = yield* say(a, place, "from alice", { replyTo: theirs.id })
        yield* say(b, { conversationId: id }, "an answer", { replyTo: mine.id })
        yield* b.react(id, mine.id, "👍")
        yield* a.react(id, theirs.id, "🎉")
        opened.push(id)
        yield* a.open(id)
        yield* a.until(
          (state) =>
            messagesOf(state, id).length === 3 &&
            messagesOf(state, id)
              .slice(0, 2)
              .every(({ reactions }) => reactions?.length === 1) &&
            state.outbox.length === 0
        )
      }
      yield* a.loadMembers(group)
      yield* proxy.cut
      yield* a.until(({ status }) => status.type === "offline")

      yield* b.until(({ outbox }) => outbox.length === 0)
      yield* b.deleteAccount()
      yield* say(c, { conversationId: group }, "after it")
      yield* until(
        Effect.promise(
          async () => (await fetch(`${server.url}/users/${bob.id}`, { method: "DELETE" })).status === 204
        )
      )
      yield* proxy.restore
      yield* a.nudge
      const fresh = yield* openClient(server, alice)
      yield* fresh.until(({ list }) => list.isLoaded)
      for (const id of opened) yield* fresh.open(id)
      yield* fresh.loadMembers(group)
      yield* a.until(
        ({ sync, status }) =>
          status.type === "online" &&
          sync.cursor === fresh.state().sync.cursor &&
          sync.requests.size + sync.wanted.size + sync.wantedMembers.size === 0
      )
      assert.deepEqual(conversationList(a.state()), conversationList(fresh.state()))
      assert.deepEqual(a.state().members, fresh.state().members)
      for (const id of opened) assert.deepEqual(messagesOf(a.state(), id), messagesOf(fresh.state(), id))
      const [direct] = opened
      assert.strictEqual(a.state().conversations.get(direct as never)?.with?.display_name, "")
      assert.deepEqual(
        messagesOf(a.state(), direct!).map(({ content, reply_to, reactions }) => [
          content,
          reply_to?.content,
          reactions
        ]),
        [
          ["", undefined, undefined],
          ["from alice", "", undefined],
          ["", undefined, undefined]
        ]
      )
    })
  )
})
