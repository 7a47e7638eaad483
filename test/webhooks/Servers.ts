import { Context, Duration, Effect, Redacted } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { Database } from "../../src/database/Database.ts"
import { WebhookTimings } from "../../src/webhooks/WebhookTimings.ts"
import { chatOn } from "../realtime/support/ChatServer.ts"
import { startServer } from "../support/TestServer.ts"

export const SECRET = `whsec_${Buffer.from("a secret of thirty-two bytes, ok").toString("base64")}`
export const OLDER_SECRET = `whsec_${Buffer.from("another secret of some 40 bytes or so...").toString("base64")}`

/** Times at which a test does not wait for what it is not about. */
const timings = {
  poll: Duration.millis(10),
  attempt: Duration.seconds(15),
  lease: Duration.seconds(60),
  firstRetry: Duration.millis(20),
  longestRetry: Duration.millis(40),
  longestRetryAfter: Duration.hours(1),
  measure: Duration.seconds(10),
  prune: Duration.minutes(10)
}

export interface Options extends Partial<Settings> {
  readonly timings?: Partial<typeof timings>
}

/** A server that posts webhooks to these URLs. */
export const startNode = Effect.fnUntraced(function* (
  urls: ReadonlyArray<string>,
  { timings: changed, ...settings }: Options
) {
  const server = yield* startServer({
    webhookUrls: urls,
    webhookSecrets: [SECRET, OLDER_SECRET].map((secret) => Redacted.make(secret)),
    ...settings
  }).pipe(Effect.provideService(WebhookTimings, { ...timings, ...changed }))
  const chat = yield* chatOn(server)
  const { pipeline: sql } = Context.get(server.services, Database)
  const waiting = sql<{ readonly count: number }>`SELECT count(*)::int AS count FROM webhook_events`.pipe(
    Effect.map((rows) => rows[0]!.count),
    Effect.orDie
  )
  return { ...chat, server, sql, waiting }
})

export type WebhookNode = Effect.Success<ReturnType<typeof startNode>>
