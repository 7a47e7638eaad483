import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Effect } from "effect"
import { TestClock } from "effect/testing"
import { memoryStorage } from "../../src/client/Storage.ts"
import { messagesOf, refusedOf } from "../../src/client/Views.ts"
import { ChatServer } from "../realtime/support/ChatServer.ts"
import { historyOf, isOnline, openClient } from "./support/Clients.ts"
import { scriptedServer } from "./support/ScriptedServer.ts"

const pair = Effect.gen(function* () {
  const chat = yield* ChatServer
  return { chat, server: chat.server, alice: yield* chat.newUser, bob: yield* chat.newUser }
})

/** What no server takes: text of it, and options. */
const INVALID = [
  ["a content of 1,001 characters", "a".repeat(1001), {}],
  ["half an emoji", "half \ud83d", {}],
  ["a clientId of 201 characters", "hello", { clientId: "x".repeat(201) }],
  ["metadata of more than 2 KiB", "hello", { metadata: { text: "x".repeat(2048) } }]
] as const

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("the outbox", (it) => {
  describe("a message that no server takes", () => {
    it.effect.each(INVALID)(
      "for %s fails with the reason, and holds up none behind it",
      ([, text, options]) =>
        Effect.gen(function* () {
          const { server, alice, bob } = yield* pair
          const a = yield* openClient(server, alice)
          const { client_id } = yield* a.send({ userId: bob.id }, text, options)
          const next = yield* a.send({ userId: bob.id }, "next")
          assert.deepInclude({ ...(yield* Effect.flip(a.acknowledged(client_id))) }, { code: "invalid" })
          yield* a.acknowledged(next.client_id)
          assert.deepEqual(
            a.state().outbox.map(({ state }) => state),
            ["failed"]
          )
          assert.isTrue(isOnline(a.state()))
          assert.deepEqual(yield* historyOf(server, alice, bob), ["next"])
        })
    )
  })

  it.effect("takes a content of 1,000 characters with white space around it", () =>
    Effect.gen(function* () {
      const { server, alice, bob } = yield* pair
      const a = yield* openClient(server, alice)
      const text = "😀".repeat(1000)
      const { client_id } = yield* a.send({ userId: bob.id }, `  ${text}\n`)
      assert.strictEqual((yield* a.acknowledged(client_id)).content, text)
    })
  )

  it.effect(
    "keeps what was refused for its message until it is discarded or asked for anew, and no mark",
    () =>
      Effect.gen(function* () {
        const { chat, server, alice, bob } = yield* pair
        const { id, conversation_id } = yield* chat.post(bob, alice, "hello")
        const storage = memoryStorage()
        const a = yield* openClient(server, alice, { storage })
        yield* a.edit(conversation_id!, id, "mine")
        yield* a.remove(conversation_id!, id)
        yield* a.markRead(conversation_id! + 1_000_000, id)
        const state = yield* a.until(
          ({ outbox }) => outbox.length === 2 && outbox.every(({ state }) => state === "failed")
        )
        assert.deepEqual(
          refusedOf(state, id).map(({ command, failure }) => [command.type, failure?.code]),
          [
            ["edit", "not-author"],
            ["delete", "role-forbids"]
          ]
        )
        assert.deepEqual(refusedOf(state, id + 1), [])
        yield* a.edit(conversation_id!, id, "mine after all")
        yield* a.until(({ outbox }) => outbox.length === 2 && outbox.every(({ state }) => state === "failed"))
        assert.deepEqual(
          refusedOf(a.state(), id).map(({ command }) => command.type),
          ["delete", "edit"]
        )
        assert.lengthOf(yield* Effect.promise(() => storage.list("outbox/")), 2)
        for (const { client_id } of a.state().outbox) yield* a.discard(client_id)
        assert.deepEqual(yield* Effect.promise(() => storage.list("outbox/")), [])
      })
  )

  it.effect("goes on after a command that cannot even be asked for", () =>
    Effect.gen(function* () {
      const { chat, server, alice, bob } = yield* pair
      const message = yield* chat.post(bob, alice, "hello")
      const a = yield* openClient(server, alice)
      yield* a.until(({ conversations }) => conversations.size === 1)
      const reaction = yield* a.react(message.conversation_id!, message.id, "\ud83d")
      const { client_id } = yield* a.send({ conversationId: message.conversation_id! }, "next")
      yield* a.acknowledged(client_id)
      const [failed] = a.state().outbox
      assert.strictEqual(failed?.client_id, reaction.client_id)
      assert.deepInclude(failed, { state: "failed" })
    })
  )

  it.effect("that gets the answer to a message of long ago leaves no gap in the history", () =>
    Effect.gen(function* () {
      const { chat, server, alice, bob } = yield* pair
      yield* chat.post(alice, bob, "long ago", "repeated")
      for (let i = 0; i < 60; i++) yield* chat.post(bob, alice, `${i}`)
      const a = yield* openClient(server, alice)
      const { conversations } = yield* a.until((state) => state.conversations.size === 1)
      const [id] = [...conversations.keys()]
      yield* a.open(id!)
      const { client_id } = yield* a.send({ userId: bob.id }, "long ago", { clientId: "repeated" })
      yield* a.acknowledged(client_id)
      yield* a.loadOlder(id!)
      assert.deepEqual(
        messagesOf(a.state(), id!).map(({ content }) => content),
        ["long ago", ...Array.makeBy(60, String)]
      )
    })
  )
})

describe("the outbox of a device whose clock is set back", () => {
  it.effect("keeps the order of what is written", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      yield* server.end
      const a = yield* openClient(server, { id: 1 })
      const texts = ["one", "two", "three", "four"]
      for (const [i, text] of texts.entries()) {
        yield* TestClock.setTime(10_000 - 3000 * i)
        yield* a.send({ userId: 2 }, text)
      }
      yield* TestClock.setTime(20_000)
      yield* a.send({ userId: 2 }, "five")
      assert.deepEqual(
        a.state().outbox.map(({ command }) => command.type === "send" && command.content),
        [...texts, "five"]
      )
    })
  )
})
