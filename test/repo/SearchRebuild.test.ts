import { assert, describe, layer } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { UserId } from "../../src/domain/User.ts"
import { ErasureRepo, STEP } from "../../src/repo/ErasureRepo.ts"
import { rebuildWhenDue } from "../../src/repo/SearchRebuild.ts"
import { SearchRepo } from "../../src/repo/SearchRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { draft, embeddedRepos, newPair, newUsername, postgresRepos, sendOne } from "./Repos.ts"
import { opened, somebodyWaits } from "./Transactions.ts"

const erase = Effect.fnUntraced(function* (userId: UserId) {
  const repo = yield* ErasureRepo
  yield* repo.order(userId)
  yield* repo.step(userId, STEP).pipe(Effect.repeat({ until: ({ isDone }) => isDone }))
  yield* repo.finish(userId)
})

/** Puts all words into the index itself, and drops what no row has: as the database does it some time later. */
const vacuum = Database.use(({ sends }) => sends.unsafe("VACUUM messages"))

/** Whether the file of the index has the word. */
const indexHas = Effect.fnUntraced(function* (word: string) {
  const { sends: sql } = yield* Database
  yield* sql.unsafe("CHECKPOINT")
  const rows = yield* sql<{ readonly has: boolean }>`
    SELECT position(convert_to(${word}, 'UTF8') IN pg_read_binary_file(pg_relation_filepath('messages_search'))) > 0 AS has`
  return rows[0]!.has
})

/** An erased user, and a word that only this user has written. */
const erased = Effect.gen(function* () {
  const { alice, bob } = yield* newPair
  const word = newUsername()
  yield* sendOne(draft(alice, bob, word))
  yield* sendOne(draft(bob, alice, "not erased"))
  yield* vacuum
  yield* erase(alice.id)
  yield* vacuum
  return { word, bob }
})

/** As if the last rebuild had been some days ago. */
const later = Database.use(
  ({ sends }) => sends`UPDATE search_rebuilds SET rebuilt_at = clock_timestamp() - interval '2 days'`
)

const contract = (name: string, repos: typeof embeddedRepos | typeof postgresRepos) =>
  layer(repos, { excludeTestServices: true })(`the rebuild of the index of the search: ${name}`, (it) => {
    it.effect("takes the words of an erased user out of it, once", () =>
      Effect.gen(function* () {
        yield* later
        assert.isFalse(yield* rebuildWhenDue)
        const { word, bob } = yield* erased
        assert.isTrue(yield* indexHas(word))

        assert.isTrue(yield* rebuildWhenDue)
        assert.isFalse(yield* indexHas(word))
        const { messages } = yield* SearchRepo.use((repo) =>
          repo.search({ userId: bob.id, text: "erased", limit: 10 })
        )
        assert.lengthOf(messages, 1)
        yield* later
        yield* Database.use(
          ({ sends }) => sends`UPDATE erasures SET finished_at = finished_at - interval '3 days'`
        )
        assert.isFalse(yield* rebuildWhenDue)
      })
    )

    it.effect("waits for a day, and for a node that may be at it", () =>
      Effect.gen(function* () {
        const { sends: sql } = yield* Database
        yield* sql`UPDATE search_rebuilds SET rebuilt_at = clock_timestamp()`
        yield* erased
        assert.isFalse(yield* rebuildWhenDue)
        yield* later
        yield* sql`UPDATE search_rebuilds SET leased_until = clock_timestamp() + interval '1 minute'`
        assert.isFalse(yield* rebuildWhenDue)
        yield* sql`UPDATE search_rebuilds SET leased_until = clock_timestamp() - interval '1 second'`
        assert.isTrue(yield* rebuildWhenDue)
      })
    )

    it.effect("drops what a build left that was ended in the middle", () =>
      Effect.gen(function* () {
        const { sends: sql } = yield* Database
        yield* later
        yield* erased
        yield* sql`CREATE INDEX messages_search_ccnew ON messages (id)`
        yield* sql`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'messages_search_ccnew'::regclass`
        yield* sql`CREATE INDEX messages_search_ccnew_of_mine ON messages (id)`
        assert.isTrue(yield* rebuildWhenDue)
        const rows = yield* sql<{ readonly name: string }>`
          SELECT relname AS name FROM pg_class WHERE relname LIKE 'messages\_search%' ORDER BY relname`
        assert.deepEqual(
          rows.map(({ name }) => name),
          ["messages_search", "messages_search_ccnew_of_mine"]
        )
      })
    )
  })

contract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () => {
  contract("PostgreSQL", postgresRepos)
  layer(postgresRepos, { excludeTestServices: true })("the rebuild of the index of the search", (it) => {
    it.effect("that is ended in the middle is made by the next one", () =>
      Effect.gen(function* () {
        const { word, bob } = yield* erased
        const { sends: sql } = yield* Database
        yield* later
        const { commit } = yield* opened(
          (other) => other`UPDATE messages SET version = version WHERE sender_id = ${bob.id}`
        )
        const rebuild = yield* Effect.forkChild(Effect.exit(rebuildWhenDue))
        yield* somebodyWaits(1)
        yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE 'REINDEX%'`
        assert.isTrue(Exit.isFailure(yield* Fiber.join(rebuild)))
        yield* commit
        const copies = sql`SELECT FROM pg_class WHERE relname LIKE 'messages\\_search\\_cc%'`
        assert.lengthOf(yield* copies, 1)
        assert.isFalse(yield* rebuildWhenDue)

        yield* sql`UPDATE search_rebuilds SET leased_until = clock_timestamp() - interval '1 second'`
        assert.isTrue(yield* rebuildWhenDue)
        assert.lengthOf(yield* copies, 0)
        assert.isFalse(yield* indexHas(word))
      })
    )

    it.effect("is done by one node, and holds up no send", () =>
      Effect.gen(function* () {
        const { bob } = yield* erased
        const { alice } = yield* newPair
        yield* later
        // The rebuild waits for this transaction: it changes the table.
        const { commit } = yield* opened(
          (sql) => sql`UPDATE messages SET version = version WHERE sender_id = ${bob.id}`
        )
        const rebuild = yield* Effect.forkChild(rebuildWhenDue)
        yield* somebodyWaits(1)
        yield* sendOne(draft(alice, bob, "meanwhile"))
        assert.isFalse(yield* rebuildWhenDue)
        yield* commit
        assert.isTrue(yield* Fiber.join(rebuild))
      })
    )
  })
})
