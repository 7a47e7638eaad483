import { assert, describe, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { int4, int8Array } from "../../src/database/SqlParameters.ts"
import {
  COUNTED_LETTERS,
  type WebhookEvent,
  type WebhookOutcome,
  WebhookRepo
} from "../../src/repo/WebhookRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { rowsRead } from "./Costs.ts"
import { postgresRepos } from "./Repos.ts"

/** How many events wait behind others of their lanes, and how many lanes there are. */
const WAITING = 20_000
const LANES = 500

const lease = Duration.minutes(1)

const delivered = (event: WebhookEvent): WebhookOutcome => ({
  event,
  result: "delivered",
  delay: Duration.zero,
  reason: "",
  offline: undefined
})

/** A queue whose receiver was unavailable for long: the first event of each lane is tried again in an hour. */
const filled = Effect.gen(function* () {
  const repo = yield* WebhookRepo
  const { sends: sql } = yield* Database
  const endpoint = yield* repo.serve("hash", "https://app.example.com/webhooks")
  yield* sql`INSERT INTO webhook_events (endpoint_id, id, webhook_id, lane, type, due_at)
    SELECT ${int4(endpoint)}, i, gen_random_uuid(), i % ${int4(LANES)}, 'message.created',
      CASE WHEN i <= ${int4(LANES)} THEN clock_timestamp() + interval '1 hour' ELSE 'infinity' END
    FROM generate_series(1, ${int4(WAITING)}) i`
  return endpoint
})

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(Layer.provideMerge(WebhookRepo.layer, postgresRepos), { excludeTestServices: true })(
    "webhooks that wait",
    (it) => {
      it.effect(
        "are not read as a whole by a step, whether the planner knows their number or not",
        () =>
          Effect.gen(function* () {
            const repo = yield* WebhookRepo
            const { writes: sql } = yield* Database
            const endpoint = yield* filled
            /** Runs a step. Answers what it leased, and how many rows it read. */
            const step = Effect.fnUntraced(function* (ended: ReadonlyArray<WebhookEvent>) {
              let leased: ReadonlyArray<WebhookEvent> = []
              const call = Effect.map(repo.step(endpoint, ended.map(delivered), 16, lease), (events) => {
                leased = events!
              })
              return { rows: yield* rowsRead(sql, "webhook_events", call), leased }
            })

            for (const { prepare, due } of [
              { prepare: Effect.void, due: [1, 2] },
              { prepare: sql`ANALYZE webhook_events`, due: [3, 4] }
            ]) {
              yield* prepare
              assert.isAtMost((yield* step([])).rows, 10)
              yield* sql`UPDATE webhook_events SET due_at = clock_timestamp() WHERE id = ANY (${int8Array(due)})`
              const first = yield* step([])
              assert.sameMembers(
                first.leased.map(({ id }) => id),
                due
              )
              assert.isAtMost(first.rows, 50)
              const next = yield* step(first.leased)
              assert.sameMembers(
                next.leased.map(({ id }) => id),
                due.map((id) => id + LANES)
              )
              assert.isAtMost(next.rows, 100)
            }
          }),
        120_000
      )

      it.effect("for a person are counted to a bound", () =>
        Effect.gen(function* () {
          const repo = yield* WebhookRepo
          const { pipeline, writes } = yield* Database
          yield* writes`
            INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, happened_at, attempts, reason)
            SELECT 2, i, '00000000-0000-0000-0000-000000000000', 1, 'message.created', now(), 1, '410'
            FROM generate_series(1, ${int4(COUNTED_LETTERS + 1000)}) i`
          assert.strictEqual(yield* repo.letterCount, COUNTED_LETTERS)
          assert.isAtMost(
            yield* rowsRead(pipeline, "webhook_dead_letters", repo.letterCount),
            COUNTED_LETTERS
          )
          yield* writes`DELETE FROM webhook_dead_letters WHERE endpoint_id = 2`
        })
      )

      it.effect("for a person are not read as a whole by a prune of those that are a month old", () =>
        Effect.gen(function* () {
          const repo = yield* WebhookRepo
          const { writes: sql } = yield* Database
          yield* sql`
            INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, happened_at, attempts, died_at, reason)
            SELECT 1, i, gen_random_uuid(), 1, 'message.created', now(), 1,
              CASE WHEN i <= 3 THEN now() - interval '31 days' ELSE now() END, '410'
            FROM generate_series(1, 20000) i`
          assert.isAtMost(yield* rowsRead(sql, "webhook_dead_letters", repo.prune), 20)
          const rows = yield* sql<{
            readonly count: number
          }>`SELECT count(*)::int AS count FROM webhook_dead_letters`
          assert.strictEqual(rows[0]!.count, 19_997)
        })
      )
    }
  )
})
