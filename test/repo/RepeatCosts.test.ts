import { assert, describe, layer } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { User } from "../../src/domain/User.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { group, groupDraft } from "./Conversations.ts"
import { rowsRead } from "./Costs.ts"
import { newUsers, postgresRepos } from "./Repos.ts"

/** How many events each member gets after the message that is repeated. */
const LATER_EVENTS = 900

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(postgresRepos, { excludeTestServices: true })("a repeat of a send to a group", (it) => {
    it.effect("reads few events of its members while it holds their locks, and none when it is late", () =>
      Effect.gen(function* () {
        const { sends: sql } = yield* Database
        const messages = yield* MessageRepo
        const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
        const hikes = yield* group(a, [b, c])
        const one = groupDraft(b, hikes, "hello", { client_id: "c1" })
        let placesOfRepeat: number | undefined
        const send = Effect.map(messages.sendToGroups([one]), ([outcome]) => {
          placesOfRepeat = Result.getOrThrow(outcome!).appended.length
        })
        const members = [a, b, c].map(({ id }) => id)

        yield* send
        assert.strictEqual(placesOfRepeat, 3)
        assert.isAtMost(yield* rowsRead(sql, "inbox_events", send), 2 * members.length)
        assert.strictEqual(placesOfRepeat, 3)

        yield* sql`INSERT INTO inbox_events (user_id, seq, type, created_at)
          SELECT user_id, last_seq + i, 'read', now() FROM inboxes, generate_series(1, ${LATER_EVENTS}::int) i
          WHERE user_id = ANY (${members}::int[])`
        yield* sql`UPDATE inboxes SET last_seq = last_seq + ${LATER_EVENTS}::int WHERE user_id = ANY (${members}::int[])`
        assert.isAtMost(yield* rowsRead(sql, "inbox_events", send), 100 * members.length)
        assert.strictEqual(placesOfRepeat, 0)

        yield* sql`UPDATE inboxes SET last_seq = last_seq - ${LATER_EVENTS}::int WHERE user_id = ANY (${members}::int[])`
        yield* sql`UPDATE messages SET timestamp = timestamp - interval '31 seconds'`
        assert.strictEqual(yield* rowsRead(sql, "inbox_events", send), 0)
        assert.strictEqual(placesOfRepeat, 0)
      })
    )
  })
})
