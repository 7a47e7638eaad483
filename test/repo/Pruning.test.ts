import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, type Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { User } from "../../src/domain/User.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import type { MessageRepo } from "../../src/repo/MessageRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { draft, embeddedRepos, newPair, newUsers, postgresRepos, sendAll, sendOne } from "./Repos.ts"

const future = Effect.map(DateTime.now, DateTime.add({ hours: 1 }))

type Services = UserRepo | MessageRepo | InboxRepo | Database

const pruning = <E>(name: string, repos: Layer.Layer<Services, E>) =>
  layer(repos, { excludeTestServices: true })(`Pruning: ${name}`, (it) => {
    it.effect("a page ends before events that are missing though older ones are there", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const { pipeline: sql } = yield* Database
        const { alice, bob } = yield* newPair
        yield* sendAll(Array.from({ length: 4 }, () => draft(alice, bob)))
        const numbersAfter = (seq: number) =>
          Effect.map(inboxes.page(bob.id, seq, 10, []), (events) => events.map(({ seq }) => seq))

        // Earlier releases pruned events in any order.
        yield* sql`DELETE FROM inbox_events WHERE seq = 2`
        yield* sql`UPDATE inboxes SET pruned_seq = 2`

        assert.deepEqual(yield* numbersAfter(0), [1])
        assert.deepEqual(yield* numbersAfter(1), [3, 4])
        yield* inboxes.prune(yield* future, 1000)
        assert.include(yield* inboxes.find(bob.id), { head: 4, pruned: 4 })
        assert.deepEqual(yield* numbersAfter(0), [])
      })
    )

    it.effect("sends go on while events are pruned, and take every number", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const users = (yield* newUsers(5)) as Array<User>
        const pairs = users.flatMap((from) => users.filter((to) => to !== from).map((to) => draft(from, to)))
        const prune = Effect.flatMap(future, (time) => inboxes.prune(time, 7))

        let isSending = true
        const pruning = yield* Effect.forkChild(Effect.repeat(prune, { while: () => isSending }))
        const sent = yield* Effect.forEach([...pairs, ...pairs, ...pairs], sendOne, { concurrency: 10 })
        isSending = false
        // An interrupted one could still delete events below.
        yield* Fiber.join(pruning)

        assert.lengthOf(sent, 60)
        for (const { id } of users) {
          const { head, pruned } = yield* inboxes.find(id)
          assert.strictEqual(head, 24)
          const left = (yield* inboxes.page(id, pruned, 100, [])).map(({ seq }) => seq)
          assert.deepEqual(
            left,
            left.map((_, i) => head - left.length + 1 + i)
          )
        }
      })
    )
  })

pruning("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  pruning("PostgreSQL", postgresRepos)
)
