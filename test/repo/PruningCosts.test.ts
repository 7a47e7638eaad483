import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { rowsRead } from "./Costs.ts"
import { newUsers, postgresRepos } from "./Repos.ts"

const EVENTS = 2000

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(postgresRepos, { excludeTestServices: true })("pruning", (it) => {
    it.effect("reads the old events only, also where they take the place of pruned ones", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const { writes: sql } = yield* Database
        const users = yield* newUsers(20)
        const append = (age: string) =>
          Effect.andThen(
            sql`INSERT INTO inbox_events (user_id, seq, type, created_at)
              SELECT user_id, last_seq + i, 'read', now() - ${age}::text::interval
              FROM inboxes, generate_series(1, ${EVENTS / users.length}::int) i`,
            sql`UPDATE inboxes SET last_seq = last_seq + ${EVENTS / users.length}::int`
          )
        yield* sql`UPDATE inboxes SET oldest_at = '-infinity'`
        yield* append("2 hours")
        const hourAgo = DateTime.subtract(yield* DateTime.now, { hours: 1 })
        const prune = inboxes.prune(hourAgo, 500)
        yield* Effect.repeat(prune, { while: (deleted) => deleted === 500 })
        const left = yield* sql`SELECT FROM inbox_events`
        assert.lengthOf(left, 0)

        yield* sql`VACUUM inbox_events`
        yield* append("0 hours")
        yield* sql`UPDATE inbox_events SET created_at = now() - interval '90 minutes' WHERE user_id = ${users[0]!.id}::int AND seq = 101`
        yield* sql`UPDATE inboxes SET oldest_at = now() - interval '90 minutes' WHERE user_id = ${users[0]!.id}::int`
        assert.isAtMost(yield* rowsRead(sql, "inbox_events", prune), 10)
        assert.strictEqual((yield* inboxes.find(users[0]!.id)).pruned, 101)
        assert.strictEqual(yield* rowsRead(sql, "inbox_events", prune), 0)
        assert.strictEqual(yield* rowsRead(sql, "inboxes", prune), 0)
      })
    )
  })
})
