import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import { type ClientStorage, memoryStorage } from "../../src/client/Storage.ts"
import { onHidden } from "../../src/client/WakeUps.ts"
import { ChatServer } from "../realtime/support/ChatServer.ts"
import { until } from "../support/Until.ts"
import { isOnline, openClient } from "./support/Clients.ts"

/** A document that is visible until it is hidden. */
class Page extends EventTarget {
  visibilityState = "visible"
  turn(state: "visible" | "hidden") {
    this.visibilityState = state
    this.dispatchEvent(new Event("visibilitychange"))
  }
}

const page = Effect.acquireRelease(
  Effect.sync(() => {
    const page = new Page()
    vi.stubGlobal("document", page)
    return page
  }),
  () => Effect.sync(() => vi.unstubAllGlobals())
)

const snapshotIn = (storage: ClientStorage) =>
  Effect.promise(
    () =>
      storage.get("snapshot") as Promise<
        { readonly cursor: number; readonly timelines: ReadonlyArray<{ readonly id: number }> } | undefined
      >
  )

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("a page that is hidden", (it) => {
  describe("keeps what it shows", () => {
    it.effect("a conversation that was opened since the last event is in the next snapshot", () =>
      Effect.gen(function* () {
        const chat = yield* ChatServer
        const [alice, bob] = [yield* chat.newUser, yield* chat.newUser]
        const document = yield* page
        const storage = memoryStorage()
        const client = yield* openClient(chat.server, alice, { storage })
        yield* client.until((state) => isOnline(state) && state.list.isLoaded)
        const { id } = yield* client.openDirect(bob.id)
        yield* client.until(({ conversations }) => conversations.has(id))
        // All is saved up to the cursor, so that nothing is due until another event.
        yield* until(
          Effect.gen(function* () {
            yield* client.save
            const saved = yield* snapshotIn(storage)
            return saved?.cursor === client.state().sync.cursor && client.state().sync.requests.size === 0
          })
        )
        yield* client.open(id)
        yield* client.until(({ sync }) => sync.requests.size === 0)
        document.turn("hidden")
        yield* until(
          Effect.map(
            snapshotIn(storage),
            (snapshot) => snapshot?.timelines.some((timeline) => timeline.id === id) === true
          )
        )
      })
    )

    it.effect("it hears of being hidden alone, until it ends", () =>
      Effect.gen(function* () {
        const document = yield* page
        let times = 0
        const end = onHidden(() => times++)
        document.turn("visible")
        assert.strictEqual(times, 0)
        document.turn("hidden")
        assert.strictEqual(times, 1)
        end()
        document.turn("hidden")
        assert.strictEqual(times, 1)
      })
    )
  })
})
