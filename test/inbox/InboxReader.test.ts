import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Layer } from "effect"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { appendTo } from "../../src/repo/MemoryEvents.ts"
import { MemoryTables } from "../../src/repo/MemoryTables.ts"
import { chat, memoryServices } from "../chat/Servers.ts"
import { draft, memoryRepos, newPair, sendAll } from "../repo/Repos.ts"
import { linesOf } from "../support/Logged.ts"

const services = InboxReader.layer.pipe(
  Layer.provideMerge(chat),
  Layer.provideMerge(memoryServices),
  Layer.provideMerge(memoryRepos),
  Layer.provideMerge(MemoryTables.layer)
)

/** Reads an inbox, and answers the events by their numbers. */
const read = Effect.fnUntraced(function* (user: { readonly id: UserId }, since: number, limit: number = 100) {
  const { events, cursor, recovered } = yield* (yield* InboxReader).read(user.id, since, limit)
  return { events: events.map(({ seq }) => seq), cursor, recovered }
})

const sendTen = (from: User, to: User) => sendAll(Array.from({ length: 10 }, () => draft(from, to)))

layer(services)("InboxReader", (it) => {
  it.effect("an inbox is read in pages, each from where the last one ended", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      assert.deepEqual(yield* read(bob, 0, 4), { events: [1, 2, 3, 4], cursor: 4, recovered: true })
      assert.deepEqual(yield* read(bob, 4, 4), { events: [5, 6, 7, 8], cursor: 8, recovered: true })
      assert.deepEqual(yield* read(bob, 8, 4), { events: [9, 10], cursor: 10, recovered: true })
      assert.deepEqual(yield* read(bob, 10, 4), { events: [], cursor: 10, recovered: true })
    })
  )

  it.effect("events that cannot be built are one line of the log for a page, and omitted ones in it", () =>
    Effect.gen(function* () {
      const { bob } = yield* newPair
      const tables = yield* MemoryTables
      const append = (type: string) =>
        appendTo(tables, bob.id, type, undefined, undefined, "2026-01-31T12:00:00.000Z")
      append("reaction")
      append("of_a_newer_release")

      const lines = yield* linesOf(read(bob, 0))

      assert.lengthOf(lines, 1)
      assert.include(
        lines[0],
        `Error 2 event(s) of the inbox of user ${bob.id} cannot be built, the first at 1 of type reaction`
      )
      assert.deepEqual(yield* read(bob, 0), { events: [1, 2], cursor: 2, recovered: true })
    })
  )

  it.effect("a read from beyond the head is not recovered, and answered with the head", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)

      assert.deepEqual(yield* read(bob, 11), { events: [], cursor: 10, recovered: false })
    })
  )

  it.effect("a read from before what was pruned is not recovered, and answered with the head", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      yield* sendTen(alice, bob)
      const future = DateTime.add(yield* DateTime.now, { hours: 1 })
      yield* InboxRepo.use((inboxes) =>
        Effect.repeat(inboxes.prune(future, 1000), { while: (deleted) => deleted > 0 })
      )
      yield* sendTen(alice, bob)

      assert.deepEqual(yield* read(bob, 9), { events: [], cursor: 20, recovered: false })
      assert.deepEqual(yield* read(bob, 0), { events: [], cursor: 20, recovered: false })
      assert.deepEqual(yield* read(bob, 10, 3), { events: [11, 12, 13], cursor: 13, recovered: true })
    })
  )

  it.effect("a user that does not exist has no inbox", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ id: UserId.make(MAX_USER_ID) }, 0))
      assert.strictEqual(error._tag, "UserNotFound")
    })
  )
})
