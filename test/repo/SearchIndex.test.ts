import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { UserId } from "../../src/domain/User.ts"
import { SearchBounds } from "../../src/repo/SearchBounds.ts"
import * as SearchIndex from "../../src/repo/SearchIndex.ts"
import { SearchRepo } from "../../src/repo/SearchRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { draft, embeddedRepos, newPair, newUsers, postgresRepos, sendOne } from "./Repos.ts"

type Person = { readonly id: UserId }

/** A few messages are looked through, and the rest is asked of the index. */
const repos = <A, E, R>(on: Layer.Layer<A, E, R>) =>
  Layer.provide(on, Layer.succeed(SearchBounds, { lookThrough: 10, patience: 10_000 }))

const page = (by: Person, text: string, limit = 100) =>
  SearchRepo.use((repo) => repo.search({ userId: by.id, text, limit }))

/** Messages of two users, as many as the numbers of a range, each with its number in words. */
const fill = Effect.fnUntraced(function* (from: Person, to: Person, first: number, last: number) {
  const { message } = yield* sendOne(draft(from, to, "before all"))
  const { sends: sql } = yield* Database
  yield* sql`INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
    SELECT sender_id, receiver_id, conversation_id, 'hello number n' || i || ' ' || repeat('x', 900), now()
    FROM messages, generate_series(${first}::int, ${last}::int) i WHERE id = ${message.id}`
})

const indexContract = (name: string, on: typeof embeddedRepos | typeof postgresRepos) =>
  layer(repos(on), { excludeTestServices: true })(`the index of the search: ${name}`, (it) => {
    const state = Effect.gen(function* () {
      const { pipeline: sql } = yield* Database
      const rows = yield* sql<{ readonly isValid: boolean }>`
        SELECT indisvalid AS "isValid" FROM pg_index WHERE indexrelid = to_regclass('messages_search')`
      return rows[0]?.isValid
    })

    it.effect(
      "reads few pages for a common word and a rare user, and for a rare word and a busy user",
      () =>
        Effect.gen(function* () {
          const [busy, other, rare] = yield* newUsers(3)
          yield* fill(rare!, other!, 1, 5)
          yield* fill(busy!, other!, 1, 3000)
          const { pipeline: sql } = yield* Database
          yield* sql`ANALYZE messages`
          const [table] = yield* sql<{ readonly pages: number }>`
          SELECT pg_relation_size('messages')::int / 8192 AS pages`
          const pagesOf = Effect.fnUntraced(function* (by: Person, text: string) {
            const [row] = yield* sql<{ readonly "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }> }>`
            EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM search_messages(
              ${by.id}::int, ${text}, NULL, ${Number.MAX_SAFE_INTEGER}::bigint, 21, 10, 10000
            )`
            const plan = row!["QUERY PLAN"][0]!.Plan
            return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
          })
          // The first call reads the catalog too.
          yield* pagesOf(busy!, "n777")
          assert.isAbove(table!.pages, 350)
          assert.isBelow(yield* pagesOf(rare!, "hello"), 250)
          assert.isBelow(yield* pagesOf(busy!, "n777"), 250)
          assert.isBelow(yield* pagesOf(rare!, "n777 hello number"), 250)
          assert.lengthOf((yield* page(rare!, "hello")).messages, 5)
          assert.lengthOf((yield* page(busy!, "n777 hello")).messages, 1)
        }),
      120_000
    )

    it.effect.each(["missing", "left"] as const)(
      "that is %s is built while the server serves; until then a search says that there is more",
      (was) =>
        Effect.gen(function* () {
          const { pipeline: sql } = yield* Database
          const { alice, bob } = yield* newPair
          yield* fill(alice, bob, 1, 50)
          if (was === "missing") yield* sql`DROP INDEX messages_search`
          else
            yield* sql`UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('messages_search')`

          const early = yield* page(alice, "hello")
          assert.isBelow(early.messages.length, 50)
          assert.isNumber(early.next)
          assert.deepEqual(yield* pageAll(alice, "hello"), 50)

          yield* Layer.build(SearchIndex.layer)
          yield* until(Effect.map(state, (isValid) => isValid === true))
          const { messages, next } = yield* page(alice, "hello")
          assert.lengthOf(messages, 50)
          assert.isUndefined(next)
        }),
      120_000
    )

    it.effect("that is complete is left alone", () =>
      Effect.gen(function* () {
        const { pipeline: sql } = yield* Database
        const oid = sql<{ readonly oid: number }>`SELECT to_regclass('messages_search')::oid::int AS oid`
        const before = yield* oid
        yield* Layer.build(SearchIndex.layer)
        assert.deepEqual(yield* oid, before)
      })
    )
  })

interface Plan {
  readonly "Shared Hit Blocks": number
  readonly "Shared Read Blocks": number
}

/** How many messages a search finds that goes on to its end. */
const pageAll = Effect.fnUntraced(function* (by: Person, text: string) {
  const repo = yield* SearchRepo
  let found = 0
  let beforeId: Parameters<typeof repo.search>[0]["beforeId"]
  do {
    const { messages, next } = yield* repo.search({ userId: by.id, text, limit: 100, beforeId })
    found += messages.length
    beforeId = next
  } while (beforeId !== undefined)
  return found
})

indexContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  indexContract("PostgreSQL", postgresRepos)
)
