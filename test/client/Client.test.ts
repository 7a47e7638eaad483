import { assert, describe, layer } from "@effect/vitest"
import { Array, Effect } from "effect"
import { fileStorage } from "../../src/client/FileStorage.ts"
import { memoryStorage } from "../../src/client/Storage.ts"
import { conversationList, messagesOf, outgoingOf } from "../../src/client/Views.ts"
import { ChatServer, pruneAll } from "../realtime/support/ChatServer.ts"
import { freshDataDir } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { failingStorage, historyOf, isOnline, openClient } from "./support/Clients.ts"

const pair = Effect.gen(function* () {
  const chat = yield* ChatServer
  return { chat, server: chat.server, alice: yield* chat.newUser, bob: yield* chat.newUser }
})

const texts = Array.makeBy(20, (i) => `message ${i}`)

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("the client", (it) => {
  describe("two users", () => {
    it.effect("see what they wrote, reacted, edited, read and deleted, at once and after a fresh load", () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const a = yield* openClient(server, alice)
        const b = yield* openClient(server, bob)
        yield* b.until(isOnline)
        const { client_id } = yield* a.send({ userId: bob.id }, "hello")
        const { id, conversation_id } = yield* a.acknowledged(client_id)
        const conversation = conversation_id!
        yield* b.until((state) => conversationList(state)[0]?.unread === 1)
        yield* b.open(conversation)
        yield* a.open(conversation)
        yield* b.react(conversation, id, "👍")
        // Shown before the server has said a word.
        assert.deepEqual(messagesOf(b.state(), conversation)[0]?.reactions, [
          { emoji: "👍", count: 1, mine: true }
        ])
        yield* b.markRead(conversation, id)
        assert.strictEqual(conversationList(b.state())[0]?.unread, 0)
        yield* a.edit(conversation, id, "hello!")
        assert.strictEqual(messagesOf(a.state(), conversation)[0]?.content, "hello!")

        const settled = [a, b].map((client) =>
          client.until((state) => {
            const message = state.timelines.get(conversation)?.messages[0]
            return (
              message?.content === "hello!" && message.reactions !== undefined && state.outbox.length === 0
            )
          })
        )
        yield* Effect.all(settled)
        yield* a.until((state) => state.conversations.get(conversation)?.with?.last_read_id === id)
        const fresh = yield* openClient(server, alice)
        yield* fresh.until((state) => state.conversations.size === 1)
        yield* fresh.open(conversation)
        assert.deepEqual(conversationList(fresh.state()), conversationList(a.state()))
        assert.deepEqual(messagesOf(fresh.state(), conversation), messagesOf(a.state(), conversation))

        yield* a.remove(conversation, id)
        assert.strictEqual(messagesOf(a.state(), conversation)[0]?.content, "")
        yield* b.until((state) => state.timelines.get(conversation)?.messages[0]?.deleted_at !== undefined)
      })
    )

    it.effect("chat in a group, whose members come, go and change", () =>
      Effect.gen(function* () {
        const { chat, server, alice, bob } = yield* pair
        const carol = yield* chat.newUser
        const a = yield* openClient(server, alice)
        const b = yield* openClient(server, bob)
        yield* Effect.all([a.until(isOnline), b.until(isOnline)])
        const { id } = yield* a.createGroup("Hiking", [bob.id])
        yield* b.until((state) => state.conversations.has(id))
        yield* b.open(id)
        yield* b.loadMembers(id)
        yield* a.putMember(id, carol.id)
        const joined = yield* b.until((state) => state.members.get(id)?.size === 3)
        assert.strictEqual(joined.conversations.get(id)?.member_count, 3)
        yield* a.updateGroup(id, { title: "Hiking on Sunday" })
        yield* b.until((state) => state.conversations.get(id)?.title === "Hiking on Sunday")
        yield* a.send({ conversationId: id }, "at nine?")
        yield* b.until((state) => messagesOf(state, id)[0]?.content === "at nine?")
        yield* a.typing(id)
        yield* b.until((state) => state.typing.get(id)?.has(alice.id) === true)
        yield* a.removeMember(id, bob.id)
        yield* b.until((state) => !state.conversations.has(id) && !state.timelines.has(id))
      })
    )
  })

  describe("the outbox", () => {
    it.effect("sends what was written without a network, once and in order, after a reload", () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const proxy = yield* tcpProxy(new URL(server.url))
        const { dataDir } = yield* freshDataDir
        const folder = `${dataDir}-client`
        yield* proxy.cut
        const before = yield* openClient(proxy, alice, { storage: fileStorage(folder) })
        yield* Effect.forEach(texts, (text) => before.send({ userId: bob.id }, text))
        yield* before.crash

        const after = yield* openClient(proxy, alice, { storage: fileStorage(folder) })
        assert.deepEqual(
          after
            .state()
            .outbox.map(({ command, state }) => [command.type === "send" && command.content, state]),
          texts.map((text) => [text, "queued"])
        )
        yield* proxy.restore
        yield* after.nudge
        yield* after.until(({ outbox }) => outbox.length === 0)
        assert.deepEqual(yield* historyOf(server, alice, bob), texts)
      })
    )

    it.effect("repeats a message whose answer was lost, and it is there once", () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const proxy = yield* tcpProxy(new URL(server.url))
        const a = yield* openClient(proxy, alice)
        yield* a.until(isOnline)
        yield* proxy.hold("replies")
        const { client_id } = yield* a.send({ userId: bob.id }, "once")
        const b = yield* openClient(server, bob)
        yield* b.until((state) => state.conversations.size === 1)
        // It is committed. The answer never comes: the connection breaks before.
        yield* proxy.cut
        yield* proxy.release
        yield* proxy.restore
        yield* a.nudge
        yield* a.acknowledged(client_id)
        assert.deepEqual(yield* historyOf(server, alice, bob), ["once"])
      })
    )

    it.effect("of two tabs sends each message once, whoever of them has a network", () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const proxy = yield* tcpProxy(new URL(server.url))
        const storage = memoryStorage()
        yield* proxy.cut
        const first = yield* openClient(proxy, alice, { storage })
        const sent = yield* Effect.forEach(texts, (text) => first.send({ userId: bob.id }, text))
        const second = yield* openClient(proxy, alice, { storage })
        assert.strictEqual(second.state().outbox.length, texts.length)
        yield* proxy.restore
        yield* Effect.all([first.nudge, second.nudge])
        yield* Effect.all([first, second].map((tab) => tab.until(({ outbox }) => outbox.length === 0)))
        assert.deepEqual(yield* historyOf(server, alice, bob), texts)
        // Each tab learns of all of them, though it is asked late.
        for (const tab of [first, second]) {
          const messages = yield* Effect.forEach(sent, ({ client_id }) => tab.acknowledged(client_id))
          assert.deepEqual(
            messages.map(({ content }) => content),
            texts
          )
        }
      })
    )

    it.effect("says why a message was refused, and sends or forgets it as the user says", () =>
      Effect.gen(function* () {
        const { server, alice } = yield* pair
        const a = yield* openClient(server, alice)
        const { client_id } = yield* a.send({ userId: 2_000_000_000 }, "anybody?")
        const error = yield* Effect.flip(a.acknowledged(client_id))
        assert.deepInclude({ ...error }, { code: "receiver_not_found" })
        assert.deepInclude(a.state().outbox[0], { state: "failed" })
        yield* a.retry(client_id)
        yield* Effect.flip(a.acknowledged(client_id))
        assert.strictEqual(a.state().outbox.length, 1)
        yield* a.discard(client_id)
        assert.deepEqual(a.state().outbox, [])
        assert.deepInclude({ ...(yield* Effect.flip(a.acknowledged(client_id))) }, { code: "discarded" })
      })
    )

    it.effect("shows a first message until its conversation is known", () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const a = yield* openClient(server, alice)
        const { client_id } = yield* a.send({ userId: bob.id }, "hello")
        const { conversation_id } = yield* a.acknowledged(client_id)
        const state = yield* a.until(({ conversations }) => conversations.has(conversation_id!))
        assert.deepEqual(outgoingOf(state, conversation_id!), [])
        assert.strictEqual(state.conversations.get(conversation_id!)?.last_message?.content, "hello")
      })
    )
  })

  describe("the storage", () => {
    it.effect("that fails is told of, and the client goes on in memory", () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const { storage, inner, fill } = failingStorage()
        const a = yield* openClient(server, alice, { storage })
        yield* a.until(isOnline)
        yield* fill(true)
        const { client_id } = yield* a.send({ userId: bob.id }, "anyway")
        assert.deepEqual(a.state().storage, { type: "failed", reason: "The quota is used up" })
        yield* a.acknowledged(client_id)
        yield* fill(false)
        const later = yield* a.send({ userId: bob.id }, "and again")
        assert.deepEqual(a.state().storage, { type: "ok" })
        yield* a.acknowledged(later.client_id)
        yield* a.until(({ outbox }) => outbox.length === 0)
        assert.deepEqual(yield* Effect.promise(() => inner.list("outbox/")), [])
        assert.deepEqual(yield* historyOf(server, alice, bob), ["anyway", "and again"])
      })
    )

    it.effect("shared by two tabs makes neither go on from the cursor of the other", () =>
      Effect.gen(function* () {
        const { chat, server, alice, bob } = yield* pair
        const proxy = yield* tcpProxy(new URL(server.url))
        const storage = memoryStorage()
        const online = yield* openClient(server, alice, { storage })
        const offline = yield* openClient(proxy, alice, { storage })
        yield* Effect.all([online, offline].map((tab) => tab.until(isOnline)))
        yield* chat.post(bob, alice, "first")
        yield* Effect.all(
          [online, offline].map((tab) => tab.until((state) => state.conversations.size === 1))
        )
        const id = conversationList(offline.state())[0]!.id
        yield* offline.open(id)
        yield* proxy.cut
        yield* chat.post(bob, alice, "second")
        yield* online.until((state) => conversationList(state)[0]?.unread === 2)
        yield* online.save
        yield* proxy.restore
        yield* offline.nudge
        yield* offline.until((state) => messagesOf(state, id).length === 2)

        // A third tab begins with what the first one wrote, and lacks nothing.
        yield* chat.post(bob, alice, "third")
        const network = yield* tcpProxy(new URL(server.url))
        yield* network.cut
        const third = yield* openClient(network, alice, { storage })
        assert.strictEqual(conversationList(third.state())[0]?.unread, 2)
        yield* network.restore
        yield* third.nudge
        yield* third.until((state) => conversationList(state)[0]?.unread === 3)
      })
    )
  })

  it.effect("loads anew what it shows when events are not to be had any more, and keeps the outbox", () =>
    Effect.gen(function* () {
      const { chat, server, alice, bob } = yield* pair
      const proxy = yield* tcpProxy(new URL(server.url))
      const a = yield* openClient(proxy, alice)
      yield* chat.post(bob, alice, "before")
      yield* a.until((state) => state.conversations.size === 1)
      const id = conversationList(a.state())[0]!.id
      yield* a.open(id)
      yield* proxy.cut
      yield* a.until(({ status }) => status.type === "offline")
      yield* Effect.forEach(["1", "2", "3"], (text) => chat.post(bob, alice, text))
      yield* pruneAll(server)
      yield* a.send({ userId: bob.id }, "mine")
      yield* proxy.restore
      yield* a.nudge
      const state = yield* a.until(
        (current) => messagesOf(current, id).length === 5 && current.outbox.length === 0
      )
      assert.deepEqual(
        messagesOf(state, id).map(({ content }) => content),
        ["before", "1", "2", "3", "mine"]
      )
      assert.isAbove(state.sync.generation, 1)
    })
  )

  it.effect("loads older messages also when they are asked for before the newest are there", () =>
    Effect.gen(function* () {
      const { server, chat, alice, bob } = yield* pair
      for (let i = 0; i < 60; i++) yield* chat.post(bob, alice, `${i}`)
      const client = yield* openClient(server, alice)
      const [id] = [
        ...(yield* client.until(({ conversations }) => conversations.size === 1)).conversations.keys()
      ]

      yield* Effect.all([client.open(id!), client.loadOlder(id!)], { concurrency: "unbounded" })

      assert.lengthOf(messagesOf(client.state(), id!), 60)
    })
  )

  it.effect("notices a connection that is half open when the network may have changed", () =>
    Effect.gen(function* () {
      const { chat, server, alice, bob } = yield* pair
      const proxy = yield* tcpProxy(new URL(server.url))
      const a = yield* openClient(proxy, alice)
      yield* a.until((state) => isOnline(state) && state.list.isLoaded)
      yield* proxy.stall("all")
      yield* chat.post(bob, alice, "unheard")
      yield* a.nudge
      yield* a.until(({ sync }) => sync.cursor === 1)
    })
  )

  it.effect(
    "tells an application that reads events each one, in order, and again what it had not finished",
    () =>
      Effect.gen(function* () {
        const { chat, server, alice, bob } = yield* pair
        const storage = memoryStorage()
        const a = yield* openClient(server, alice, { storage })
        const events = yield* a.openEvents
        yield* a.until(isOnline)
        yield* a.until(({ list }) => list.isLoaded)
        yield* a.save
        yield* Effect.forEach(["1", "2", "3"], (text) => chat.post(bob, alice, text))
        const taken = yield* Effect.replicateEffect(events.next, 2)
        assert.deepEqual(
          taken.map((event) => event.type === "message" && event.content),
          ["1", "2"]
        )
        yield* a.until(({ sync }) => sync.cursor === 3 && sync.requests.size === 0)
        // Nothing is saved: the second one is being worked on.
        yield* a.save
        yield* a.crash
        const again = yield* openClient(server, alice, { storage })
        const told = yield* again.openEvents
        const repeated = yield* Effect.replicateEffect(told.next, 3)
        assert.deepEqual(
          repeated.map((event) => event.type === "message" && event.content),
          ["1", "2", "3"]
        )
      })
  )
})
