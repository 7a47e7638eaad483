import { assert, it } from "@effect/vitest"
import { Console, Context, Duration, Effect } from "effect"
import { WebhookRepo } from "../../src/repo/WebhookRepo.ts"
import { growth, only, type Scrape, scrape } from "../observability/Scrape.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { until } from "../support/Until.ts"
import { startReceiver } from "./Receiver.ts"
import { startNode } from "./Servers.ts"

it.live("each receiver that fails is one warning in the log, which does not tell the query of its URL", () =>
  Effect.gen(function* () {
    const receivers = [yield* startReceiver, yield* startReceiver]
    for (const receiver of receivers) receiver.respond = (_, response) => response.writeHead(500).end()
    const lines: Array<string> = []
    const node = yield* startNode(
      receivers.map(({ url }) => url),
      { ...(yield* freshEmbedded), logLevel: "Info", logFormat: "json" }
    ).pipe(
      Effect.provideService(Console.Console, {
        ...globalThis.console,
        log: (line: string) => void lines.push(line)
      })
    )
    yield* Effect.replicateEffect(node.newUser, 3)
    for (const receiver of receivers) yield* receiver.got(9)

    const warnings = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "WARN")
    assert.sameMembers(
      warnings.map(({ message }) => message),
      receivers.map(
        ({ url }) =>
          `Webhooks to ${url.split("?")[0]} fail: 500. They are tried again for three days, and then kept as dead letters`
      )
    )
    assert.notInclude(lines.join("\n"), "s3cret")
  })
)

/** How many attempts ended like this. */
const sizeOf = (attempts: Readonly<Record<string, number>>, result: string) =>
  attempts[`minichat_webhook_attempts_total{result="${result}"}`] ?? 0

it.live("attempts, retries, the lag of the oldest event and dead letters are metrics", () =>
  Effect.gen(function* () {
    const receiver = yield* startReceiver
    const node = yield* startNode([receiver.url], {
      ...(yield* freshEmbedded),
      timings: { measure: Duration.millis(20) }
    })
    const repo = Context.get(node.server.services, WebhookRepo)
    const scraped = scrape(node.server)
    const reads = (series: string, holds: (value: number) => boolean) =>
      until(Effect.map(scraped, (now) => holds(now.get(series) ?? Number.NaN)))
    const grown = (before: Scrape, metric: string) =>
      Effect.map(scraped, (after) => only(growth(before, after), metric))

    let before = yield* scraped
    assert.strictEqual(before.get("minichat_webhook_lag_seconds"), 0)
    assert.strictEqual(before.get("minichat_webhook_dead_letters"), 0)
    let failures = 2
    receiver.respond = (_, response) => response.writeHead(failures-- > 0 ? 500 : 204).end()
    yield* node.newUser
    yield* until(Effect.map(node.waiting, (count) => count === 0))
    assert.deepEqual(yield* grown(before, "minichat_webhook_attempts_total"), {
      'minichat_webhook_attempts_total{result="failed"}': 2,
      'minichat_webhook_attempts_total{result="delivered"}': 1
    })
    assert.deepEqual(yield* grown(before, "minichat_webhook_retries_total"), {
      minichat_webhook_retries_total: 2
    })

    receiver.respond = (_, response) => response.writeHead(503).end()
    yield* node.newUser
    yield* node.sql`UPDATE webhook_events 
      SET happened_at = happened_at - interval '1 hour', give_up_at = give_up_at - interval '1 hour'`
    yield* reads("minichat_webhook_lag_seconds", (lag) => lag >= 3600)

    before = yield* scraped
    receiver.respond = (_, response) => response.writeHead(410).end()
    yield* reads("minichat_webhook_dead_letters", (letters) => letters === 1)
    yield* reads("minichat_webhook_lag_seconds", (lag) => lag === 0)
    const attempts = yield* grown(before, "minichat_webhook_attempts_total")
    assert.strictEqual(attempts['minichat_webhook_attempts_total{result="dead"}'], 1)

    receiver.respond = (_, response) => response.writeHead(503).end()
    assert.strictEqual(yield* repo.retry(undefined), 1)
    // It waits from now on, however long ago it happened.
    assert.isBelow(yield* repo.lag([1]), 3600)
    receiver.respond = (_, response) => response.writeHead(204).end()
    yield* reads("minichat_webhook_dead_letters", (letters) => letters === 0)
    yield* until(Effect.map(node.waiting, (count) => count === 0))

    before = yield* scraped
    receiver.respond = (_, response) => response.writeHead(503).end()
    yield* node.newUser
    yield* until(
      Effect.map(
        grown(before, "minichat_webhook_attempts_total"),
        (attempts) => sizeOf(attempts, "failed") > 0
      )
    )
    yield* node.sql`UPDATE webhook_events SET give_up_at = clock_timestamp()`
    yield* until(Effect.map(node.waiting, (count) => count === 0))
    const tried = yield* grown(before, "minichat_webhook_attempts_total")
    assert.strictEqual(sizeOf(tried, "dead"), 1)
    assert.strictEqual(sizeOf(tried, "failed"), (yield* repo.deadLetters(1))[0]!.attempts - 1)
  })
)

it.live("dead letters are a metric of nodes without WEBHOOK_URL, too", () =>
  Effect.gen(function* () {
    const node = yield* startNode([], {
      ...(yield* freshEmbedded),
      timings: { measure: Duration.millis(20) }
    })
    yield* node.sql`
      INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, happened_at, attempts, reason)
      VALUES (1, 1, gen_random_uuid(), 1, 'user.created', now(), 1, '410')`
    yield* until(Effect.map(scrape(node.server), (now) => now.get("minichat_webhook_dead_letters") === 1))
  })
)

it.live("the lag grows while it cannot be measured, and dead letters are counted all the same", () =>
  Effect.gen(function* () {
    const receiver = yield* startReceiver
    const node = yield* startNode([receiver.url], {
      ...(yield* freshEmbedded),
      timings: { measure: Duration.millis(20) }
    })
    const lag = Effect.map(scrape(node.server), (now) => now.get("minichat_webhook_lag_seconds"))
    assert.strictEqual(yield* lag, 0)

    yield* node.sql`ALTER TABLE webhook_events RENAME TO webhook_events_of_old`
    yield* until(Effect.map(lag, (seconds) => seconds! > 0))
    yield* node.sql`
      INSERT INTO webhook_dead_letters (endpoint_id, id, webhook_id, lane, type, happened_at, attempts, reason)
      VALUES (1, 1, gen_random_uuid(), 1, 'user.created', now(), 1, '410')`
    yield* until(Effect.map(scrape(node.server), (now) => now.get("minichat_webhook_dead_letters") === 1))

    yield* node.sql`ALTER TABLE webhook_events_of_old RENAME TO webhook_events`
    yield* until(Effect.map(lag, (seconds) => seconds === 0))
  })
)
