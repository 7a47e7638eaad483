import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { type Scrape, scrape } from "./Scrape.ts"

const revealed = (url: Option.Option<Redacted.Redacted>) => Redacted.value(Option.getOrThrow(url))

/** The numbers of the workers that a scrape has. */
const workersOf = (scraped: Scrape) =>
  new Set([...scraped.keys()].flatMap((key) => /worker="(\d+)"/.exec(key)?.[1] ?? []))

/** What all workers count together, of series that are alike but for the worker. */
const total = (scraped: Scrape, series: string) =>
  [...scraped].reduce(
    (sum, [key, value]) => (key.replace(/worker="\d+",?/, "") === series ? sum + value : sum),
    0
  )

/** Asks once, over a connection of its own. */
const ask = (url: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/users/1`, { headers: { connection: "close" } })
    await response.arrayBuffer()
    assert.strictEqual(response.status, 404)
  })

describe.runIf(databaseUrl !== undefined && redisUrl !== undefined)("metrics of workers", () => {
  it.live(
    "each worker answers with the metrics of all",
    () =>
      Effect.gen(function* () {
        const database = yield* freshDatabase
        const redis = yield* freshRedis
        const server = yield* startProcess({
          WORKERS: "2",
          DATABASE_URL: revealed(database.databaseUrl),
          REDIS_URL: revealed(redis.redisUrl),
          REDIS_PREFIX: redis.redisPrefix
        })
        const url = yield* server.listening
        yield* until(Effect.map(scrape({ url }), (scraped) => workersOf(scraped).size === 2))

        yield* Effect.replicateEffect(ask(url), 20, { concurrency: 5 })
        const series = 'minichat_http_requests_total{route="/users/:user_id",method="GET",status="404"}'
        for (let i = 0; i < 4; i++) {
          const scraped = yield* scrape({ url })
          assert.strictEqual(total(scraped, series), 20)
          assert.strictEqual(total(scraped, "minichat_bus_up{}"), 2)
        }
      }),
    120_000
  )
})
