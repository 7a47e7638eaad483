import { randomUUID } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { memoryStorage } from "../../src/client/Storage.ts"
import { conversationList } from "../../src/client/Views.ts"
import { ChatServer } from "../realtime/support/ChatServer.ts"
import { isOnline, openClient } from "./support/Clients.ts"

const pair = Effect.gen(function* () {
  const { newUser, server } = yield* ChatServer
  return { server, alice: yield* newUser, bob: yield* newUser }
})

/** An address that nobody answers at. */
const NOBODY = "http://127.0.0.1:1/"

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("the client", (it) => {
  it.effect(
    "finds people by the beginning of their names, and shows a new name where the old one stood",
    () =>
      Effect.gen(function* () {
        const { server, alice, bob } = yield* pair
        const a = yield* openClient(server, alice)
        const b = yield* openClient(server, bob)
        yield* Effect.all([a.until(isOnline), b.until(isOnline)])
        const group = yield* a.createGroup("Two", [bob.id])
        yield* a.loadMembers(group.id)
        yield* a.acknowledged((yield* a.send({ userId: bob.id }, "hello")).client_id)
        yield* a.until((state) => conversationList(state).some((entry) => entry.with?.user_id === bob.id))

        const name = `Zoë ${randomUUID()}`
        yield* b.updateProfile({ display_name: name })
        yield* a.until(
          (state) =>
            conversationList(state).some((entry) => entry.with?.display_name === name) &&
            state.members.get(group.id)?.get(bob.id)?.display_name === name
        )
        const found = yield* a.findUsers(name.slice(0, 20).toLowerCase())
        assert.deepEqual(
          found.map(({ id }) => id),
          [bob.id]
        )
        assert.strictEqual((yield* a.userNamed(bob.username))?.id, bob.id)
        assert.isUndefined(yield* a.userNamed(bob.username.slice(0, -1)))
      })
  )

  it.effect("blocks a user on every device, and takes it back", () =>
    Effect.gen(function* () {
      const { server, alice, bob } = yield* pair
      const devices = [yield* openClient(server, alice), yield* openClient(server, alice)] as const
      const b = yield* openClient(server, bob)
      yield* Effect.all([...devices, b].map((client) => client.until(isOnline)))
      yield* Effect.all(devices.map((device) => device.loadBlocks))
      yield* devices[0].block(bob.id)
      yield* Effect.all(devices.map((device) => device.until((state) => state.blocked?.has(bob.id) === true)))
      const { client_id } = yield* b.send({ userId: alice.id }, "hello")
      const refusal = yield* Effect.flip(b.acknowledged(client_id))
      assert.strictEqual(refusal._tag, "Refusal")
      const fresh = yield* openClient(server, alice)
      yield* fresh.until(isOnline)
      yield* fresh.loadBlocks
      assert.deepEqual(fresh.state().blocked, new Set([bob.id]))
      yield* devices[1].unblock(bob.id)
      yield* Effect.all(devices.map((device) => device.until((state) => state.blocked?.size === 0)))
      yield* b.retry(client_id)
      yield* b.acknowledged(client_id)
    })
  )

  it.effect(
    "shows a change of the user's own profile on every device, and after a restart without a network",
    () =>
      Effect.gen(function* () {
        const { server, alice } = yield* pair
        const storage = memoryStorage()
        const devices = [
          yield* openClient(server, alice),
          yield* openClient(server, alice, { storage })
        ] as const
        yield* Effect.all(devices.map((device) => device.until(isOnline)))
        yield* Effect.all(devices.map((device) => device.loadProfile))
        assert.strictEqual(devices[1].state().profile?.display_name, alice.username)

        const change = { display_name: "Alice Liddell", avatar_url: "https://example.com/alice.png" }
        const profile = yield* devices[0].updateProfile(change)
        assert.deepInclude(profile, change)
        assert.deepEqual(devices[0].state().profile, profile)
        yield* devices[1].until((state) => state.profile?.avatar_url === change.avatar_url)
        assert.deepEqual(devices[1].state().profile, profile)

        yield* devices[1].save
        const offline = yield* openClient({ url: NOBODY }, alice, { storage })
        assert.deepEqual(offline.state().profile, profile)
      })
  )

  it.effect("finds messages by their words, and reports one", () =>
    Effect.gen(function* () {
      const { server, alice, bob } = yield* pair
      const a = yield* openClient(server, alice)
      const b = yield* openClient(server, bob)
      yield* Effect.all([a.until(isOnline), b.until(isOnline)])
      const sent = yield* Effect.forEach(["green tea at noon", "black tea"], (text) =>
        Effect.flatMap(b.send({ userId: alice.id }, text), ({ client_id }) => b.acknowledged(client_id))
      )
      const { messages } = yield* a.search("tea gre")
      assert.deepEqual(
        messages.map(({ id }) => id),
        [sent[0]!.id]
      )
      assert.strictEqual((yield* a.search("tea", { limit: 1 })).messages.length, 1)
      const report = yield* a.report(sent[1]!.id, "Too dark")
      assert.deepInclude(report, { message_id: sent[1]!.id, reporter_id: alice.id, reason: "Too dark" })
      assert.strictEqual((yield* a.report(sent[1]!.id)).id, report.id)
    })
  )
})
