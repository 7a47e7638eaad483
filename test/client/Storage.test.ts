import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber } from "effect"
import { fileStorage } from "../../src/client/FileStorage.ts"
import { type ClientStorage, memoryStorage } from "../../src/client/Storage.ts"
import { ChatServer } from "../realtime/support/ChatServer.ts"
import { freshDataDir } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"
import { historyOf, isOnline, openClient } from "./support/Clients.ts"

/** A user whose client was online and has lost the network: what it writes waits. */
const offlineWith = Effect.fnUntraced(function* (storage: ClientStorage) {
  const chat = yield* ChatServer
  const [alice, bob] = [yield* chat.newUser, yield* chat.newUser]
  const proxy = yield* tcpProxy(new URL(chat.server.url))
  const client = yield* openClient(proxy, alice, { storage })
  yield* client.until((state) => isOnline(state) && state.list.isLoaded)
  yield* proxy.cut
  yield* client.until(({ status }) => status.type === "offline")
  return { proxy, client, alice, bob }
})

const idsIn = (storage: ClientStorage) =>
  Effect.map(
    Effect.promise(() => storage.list("outbox/")),
    (entries) => entries.map((entry) => (entry as { readonly client_id: string }).client_id)
  )

const folder = Effect.map(freshDataDir, ({ dataDir }) => `${dataDir}-client`)

const ids = Array.makeBy(10, (i) => `message ${i}`)

/** Until the promises that are settled by now have had all their effects. */
const settled = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("the storage of a client", (it) => {
  describe("in files", () => {
    it.effect("has a message once it is kept, also while snapshots are written", () =>
      Effect.gen(function* () {
        const path = yield* folder
        const { client, bob } = yield* offlineWith(fileStorage(path))
        for (const clientId of ids) {
          const keep = client.send({ userId: bob.id }, clientId, { clientId })
          yield* Effect.all([client.save, keep, client.save], { concurrency: "unbounded" })
          assert.include(yield* idsIn(fileStorage(path)), clientId)
        }
        assert.deepEqual(client.state().storage, { type: "ok" })
      })
    )

    it.effect("has nothing of a message that is discarded while it is written", () =>
      Effect.gen(function* () {
        const path = yield* folder
        const { client, bob } = yield* offlineWith(fileStorage(path))
        for (const clientId of ids) {
          const keep = client.send({ userId: bob.id }, clientId, { clientId })
          yield* Effect.all([keep, client.discard(clientId)], { concurrency: "unbounded" })
        }
        assert.deepEqual(yield* idsIn(fileStorage(path)), [])
      })
    )

    it.effect("loses no message to a file that is damaged", () =>
      Effect.gen(function* () {
        const path = yield* folder
        const { client, proxy, alice, bob } = yield* offlineWith(fileStorage(path))
        yield* client.send({ userId: bob.id }, "hello", { clientId: "whole" })
        yield* client.crash
        yield* Effect.promise(() => writeFile(join(path, "outbox%2Ftorn.json"), '{"client_id":'))
        const next = yield* openClient(proxy, alice, { storage: fileStorage(path) })
        assert.deepEqual(
          next.state().outbox.map(({ client_id }) => client_id),
          ["whole"]
        )
      })
    )
  })

  it.effect("takes messages when a snapshot does not fit into it", () =>
    Effect.gen(function* () {
      const inner = memoryStorage()
      const { client, bob } = yield* offlineWith({
        ...inner,
        set: async (key, value) => {
          if (key === "snapshot") throw new Error("The quota is used up")
          await inner.set(key, value)
        }
      })
      yield* client.save
      yield* client.send({ userId: bob.id }, "hello", { clientId: "small" })
      assert.deepEqual(yield* idsIn(inner), ["small"])
      assert.deepInclude(client.state().storage, { type: "failed" })
    })
  )

  it.effect("does not get back what was removed while something else was written", () =>
    Effect.gen(function* () {
      const inner = memoryStorage()
      const writing = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      let isFull = true
      let isSlow = true
      const { client, bob } = yield* offlineWith({
        ...inner,
        set: async (key, value) => {
          if (key === "snapshot") return
          if (isFull) throw new Error("The quota is used up")
          if (key === "outbox/1" && isSlow) {
            isSlow = false
            Deferred.doneUnsafe(writing, Effect.void)
            await Effect.runPromise(Deferred.await(goOn))
          }
          await inner.set(key, value)
        }
      })
      const keep = (clientId: string) => client.send({ userId: bob.id }, clientId, { clientId })
      yield* Effect.forEach(["1", "2"], keep)
      isFull = false
      const third = yield* Effect.forkChild(keep("3"))
      yield* Deferred.await(writing)
      const removal = yield* Effect.forkChild(client.discard("2"), { startImmediately: true })
      yield* settled
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(third)
      yield* Fiber.join(removal)
      assert.sameMembers([...(yield* idsIn(inner))], ["1", "3"])
    })
  )

  describe("that cannot be read", () => {
    /** A storage whose outbox can be hidden, and that another tab writes to. */
    const hidingStorage = () => {
      const inner = memoryStorage()
      const listeners = new Set<() => void>()
      const hiding = { isHidden: false }
      const storage: ClientStorage = {
        ...inner,
        list: (prefix) =>
          hiding.isHidden ? Promise.reject(new Error("It cannot be read")) : inner.list(prefix),
        watch: (listener) => {
          listeners.add(() => listener())
          return () => {}
        }
      }
      return { inner, storage, hiding, notify: () => [...listeners].map((listener) => listener()) }
    }

    it.effect("takes no message from the state, and is read again", () =>
      Effect.gen(function* () {
        const { inner, storage, hiding, notify } = hidingStorage()
        const { client, bob } = yield* offlineWith(storage)
        const first = yield* client.send({ userId: bob.id }, "hello", { clientId: "1" })
        hiding.isHidden = true
        yield* Effect.promise(() => inner.set("outbox/2", { ...first, client_id: "2" }))
        notify()
        const failed = yield* client.until((state) => state.storage.type === "failed")
        assert.lengthOf(failed.outbox, 1)
        hiding.isHidden = false
        const state = yield* client.until(({ outbox }) => outbox.length === 2)
        assert.deepEqual(state.storage, { type: "ok" })
      })
    )

    it.effect("when the client begins is read again", () =>
      Effect.gen(function* () {
        const { storage, hiding } = hidingStorage()
        const { client, proxy, alice, bob } = yield* offlineWith(storage)
        yield* client.send({ userId: bob.id }, "hello", { clientId: "1" })
        yield* client.crash
        hiding.isHidden = true
        const next = yield* openClient(proxy, alice, { storage })
        assert.deepInclude(next.state().storage, { type: "failed" })
        hiding.isHidden = false
        yield* next.until(({ outbox }) => outbox.length === 1)
        yield* proxy.restore
        yield* next.nudge
        yield* next.acknowledged("1")
      })
    )

    it.effect("as it was emptied gets the messages again, and they are sent", () =>
      Effect.gen(function* () {
        const { inner, storage, notify } = hidingStorage()
        const { client, proxy, bob } = yield* offlineWith(storage)
        yield* Effect.forEach(ids, (clientId) => client.send({ userId: bob.id }, clientId, { clientId }))
        const empty = Effect.promise(async () => {
          for (const id of ids) await inner.delete(`outbox/${id}`)
          for (const key of ["outbox", "snapshot"]) await inner.delete(key)
        })
        yield* empty
        notify()
        yield* until(Effect.map(idsIn(inner), ({ length }) => length === ids.length))
        assert.lengthOf(client.state().outbox, ids.length)
        yield* empty
        yield* proxy.restore
        yield* client.nudge
        const sent = yield* Effect.forEach(ids, client.acknowledged)
        assert.deepEqual(
          sent.map(({ content }) => content),
          ids
        )
      })
    )
  })

  it.effect("has no message any more that another tab has discarded: it is not sent", () =>
    Effect.gen(function* () {
      const storage = memoryStorage()
      const { client, proxy, alice, bob } = yield* offlineWith(storage)
      yield* Effect.forEach(["1", "2"], (clientId) => client.send({ userId: bob.id }, clientId, { clientId }))
      const other = yield* openClient(proxy, alice, { storage })
      yield* other.discard("1")
      yield* other.crash
      yield* proxy.restore
      yield* client.nudge
      yield* client.acknowledged("2")
      assert.deepEqual(yield* historyOf(proxy, alice, bob), ["2"])
    })
  )
})
