import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { UserId } from "../../src/domain/User.ts"
import { SearchBounds } from "../../src/repo/SearchBounds.ts"
import { SearchRepo } from "../../src/repo/SearchRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { group, groupDraft, sendAllToGroups } from "./Conversations.ts"
import { rowsRead } from "./Costs.ts"
import { draft, newUsers, postgresRepos, sendOne } from "./Repos.ts"

type Person = { readonly id: UserId }

const repos = Layer.provide(postgresRepos, Layer.succeed(SearchBounds, { lookThrough: 10, patience: 10_000 }))

/** So many copies of a message, each with a number of its own. */
const repeat = Effect.fnUntraced(function* (id: number, count: number) {
  const { sends: sql } = yield* Database
  yield* sql`INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
    SELECT sender_id, receiver_id, conversation_id, content, now()
    FROM messages, generate_series(1, ${count}::int) WHERE id = ${id}::bigint`
})

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(repos, { excludeTestServices: true })("a search", (it) => {
    it.effect(
      "scans so many of the messages of its user as it may, also when they are older than many of others",
      () =>
        Effect.gen(function* () {
          const [alice, bob, carol, dave] = yield* newUsers(4)
          const { searches: sql } = yield* Database
          const hikes = yield* group(carol!, [dave!])
          yield* repeat((yield* sendOne(draft(alice!, bob!))).message.id, 5000)
          yield* repeat((yield* sendAllToGroups([groupDraft(carol!, hikes)]))[0]!.message.id, 5000)
          yield* repeat((yield* sendOne(draft(yield* stranger, yield* stranger))).message.id, 6000)

          const search = ({ id }: Person) =>
            SearchRepo.use((repo) => repo.search({ userId: id, text: "nothing", limit: 100 }))
          for (const prepare of [Effect.void, sql`ANALYZE messages`]) {
            yield* prepare
            for (const user of [alice!, bob!, carol!]) {
              // With a plan for any parameters, too: PostgreSQL makes it for a sixth call.
              yield* Effect.repeat(search(user), { times: 5 })
              assert.isAtMost(yield* rowsRead(sql, "messages", search(user)), 300)
            }
          }
        }),
      120_000
    )
  })
})

const stranger = Effect.map(newUsers(1), ([user]) => user!)
