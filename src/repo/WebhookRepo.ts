import { Context, Duration, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int4Array, int8Array, textArray } from "../database/SqlParameters.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"

/** The recipients of a message without a socket or a waiting poll. Without `isKnown` only this node's sockets and polls count. */
export interface Offline {
  readonly userIds: ReadonlyArray<UserId>
  readonly isKnown: boolean
}

/** An event that is leased to this node, and what it is about. */
export interface WebhookEvent {
  readonly id: number
  /** The same for every endpoint and every attempt: a receiver recognises repeats by it. */
  readonly webhookId: string
  /** The id of the conversation; for an event about a user, its id negated. Events of one lane keep their order. */
  readonly lane: number
  readonly type: string
  readonly messageId: number | undefined
  readonly userId: number | undefined
  readonly reportId: number | undefined
  readonly happenedAt: Date
  /** The number of attempts, the one of this lease included. */
  readonly attempts: number
  /** As it was at the first attempt. */
  readonly offline: Offline | undefined
  /** How long after the lease a failed attempt is still repeated. After that time a failed attempt is the last: the event is dead. */
  readonly timeLeft: Duration.Duration
}

/** The result of an attempt. */
export interface WebhookOutcome {
  readonly event: WebhookEvent
  readonly result: "delivered" | "retry" | "dead"
  /** The time until the next attempt. */
  readonly delay: Duration.Duration
  /** Why it failed; kept with a dead letter. */
  readonly reason: string
  readonly offline: Offline | undefined
}

/** An event that was given up. */
export interface DeadLetter {
  readonly webhook_id: string
  readonly location: string
  readonly type: string
  readonly happened_at: Date
  readonly died_at: Date
  readonly attempts: number
  readonly reason: string
}

/** An endpoint that nodes serve. */
export interface ServedEndpoint {
  readonly urlHash: string
  readonly location: string
}

interface Row {
  readonly id: number | null
  readonly webhook_id: string
  readonly lane: number
  readonly type: string
  readonly message_id: number | null
  readonly user_id: number | null
  readonly report_id: number | null
  readonly happened_at: Date
  readonly attempts: number
  readonly offline_user_ids: ReadonlyArray<number> | null
  readonly presence_known: boolean | null
  readonly seconds_left: number
}

/**
 * The queue of webhook events. The triggers of migration 13 write it in the transaction of each fact, for the endpoints that
 * nodes serve, also when a node of an older release commits the fact.
 *
 * `PersistedQueue` and `Workflow` of Effect do not fit: the first is offered values by the process, after the commit, and both take
 * the elements of a queue in any order, so that neither keeps a conversation's order or survives a kill between the two commits.
 */
export class WebhookRepo extends Context.Service<
  WebhookRepo,
  {
    /**
     * Registers that this node serves an endpoint, and answers its id. From then on every fact writes an event for it, until no
     * node has registered it for a day. `urlHash` identifies an endpoint; `location` is for people.
     */
    serve(urlHash: string, location: string): Effect.Effect<number, Unavailable>
    /**
     * Stores the results of attempts, then leases at most `free` events, in the order of each lane and one of a lane at a time. An
     * event whose attempt is not reported within the lease is leased again. Answers `undefined`, and does nothing, while another node
     * runs a step of the endpoint.
     */
    step(
      endpoint: number,
      outcomes: ReadonlyArray<WebhookOutcome>,
      free: number,
      lease: Duration.Duration
    ): Effect.Effect<ReadonlyArray<WebhookEvent> | undefined, Unavailable>
    /**
     * How long the oldest event of these endpoints has waited, in seconds: from its commit, or from when its dead letter was sent again.
     * While one that was sent again waits, an event that is younger and has waited for longer may be missed.
     */
    lag(endpoints: ReadonlyArray<number>): Effect.Effect<number, Unavailable>
    /** How many dead letters there are. It counts to `COUNTED_LETTERS`. */
    readonly letterCount: Effect.Effect<number, Unavailable>
    /** Deletes what is no longer kept, in one bounded step. Answers whether there may be more. */
    readonly prune: Effect.Effect<boolean, Unavailable>
    /** Dead letters, the oldest first, at most `limit`. They are kept for 30 days. */
    deadLetters(limit: number): Effect.Effect<ReadonlyArray<DeadLetter>, Unavailable>
    /** The endpoints that nodes serve; while no node runs, those that the last ones served. */
    readonly served: Effect.Effect<ReadonlyArray<ServedEndpoint>, Unavailable>
    /**
     * Sends dead letters again: those of one event, or all. Those of an endpoint that no node serves go to the served endpoint with
     * the hash `target`; without one they stay. Answers how many are sent.
     */
    retry(webhookId: string | undefined, target?: string): Effect.Effect<number, Unavailable>
    /** How many dead letters, of one event or of all, are of endpoints that no node serves. */
    unservedLetters(webhookId: string | undefined): Effect.Effect<number, Unavailable>
  }
>()("minichat/repo/WebhookRepo") {
  static readonly layer = Layer.effect(
    WebhookRepo,
    Effect.gen(function* () {
      const { pipeline: sql, writes, inPipeline, orUnavailable } = yield* Database

      const serve = (urlHash: string, location: string) =>
        orUnavailable(writes<{ readonly id: number }>`
          INSERT INTO webhook_endpoints (url_hash, location) VALUES (${urlHash}, ${location})
          ON CONFLICT (url_hash) DO UPDATE SET seen_at = clock_timestamp(), retired = false, retired_at = NULL RETURNING id`).pipe(
          Effect.map((rows) => rows[0]!.id)
        )

      const step: WebhookRepo["Service"]["step"] = Effect.fnUntraced(
        function* (endpoint, outcomes, free, lease) {
          const rows = yield* orUnavailable(writes<Row>`
          SELECT * FROM step_webhooks(
            ${int4(endpoint)}, ${int8Array(outcomes.map(({ event }) => event.id))},
            ${int4Array(outcomes.map(({ event }) => event.attempts))}, ${textArray(outcomes.map(({ result }) => result))},
            ${textArray(outcomes.map(({ delay }) => String(Duration.toSeconds(delay))))}::float8[],
            ${textArray(outcomes.map(({ reason }) => reason))},
            ${textArray(outcomes.map(({ offline }) => (offline === undefined ? null : `{${offline.userIds.join()}}`)))},
            ${textArray(outcomes.map(({ offline }) => (offline === undefined ? null : String(offline.isKnown))))}::boolean[],
            ${int4(free)}, ${String(Duration.toSeconds(lease))}::text::float8
          )`)
          return rows[0]?.id === null ? undefined : rows.map(toEvent)
        }
      )

      const lag = (endpoints: ReadonlyArray<number>) =>
        inPipeline(sql<{ readonly lag: number }>`
          SELECT coalesce(max(extract(epoch FROM clock_timestamp() - w.queued_at)), 0)::float8 AS lag
          FROM unnest(${int4Array(endpoints)}) AS e (id) CROSS JOIN LATERAL (
            -- Three days are what the default of give_up_at adds. A dead letter that is sent again keeps its happened_at.
            SELECT give_up_at - interval '3 days' AS queued_at FROM webhook_events w WHERE w.endpoint_id = e.id ORDER BY w.id LIMIT 1
          ) w`).pipe(Effect.map((rows) => Math.max(0, rows[0]!.lag)))

      const letterCount = inPipeline(sql<{ readonly count: number }>`
        SELECT count(*)::int AS count FROM (SELECT FROM webhook_dead_letters LIMIT ${int4(COUNTED_LETTERS)}) d`).pipe(
        Effect.map((rows) => rows[0]!.count)
      )

      const prune = orUnavailable(
        writes<{ readonly deleted: number }>`SELECT prune_webhooks(${int4(BATCH)}) AS deleted`
      ).pipe(Effect.map((rows) => rows[0]!.deleted === BATCH))

      const deadLetters = (limit: number) =>
        inPipeline(sql<DeadLetter>`
          SELECT d.webhook_id::text, e.location, d.type, d.happened_at, d.died_at, d.attempts, d.reason
          FROM webhook_dead_letters d JOIN webhook_endpoints e ON e.id = d.endpoint_id
          ORDER BY d.id, d.endpoint_id LIMIT ${int4(limit)}`)

      const served = inPipeline(sql<ServedEndpoint>`
        SELECT url_hash AS "urlHash", location FROM webhook_endpoints
        WHERE id = ANY (served_webhook_endpoints()) ORDER BY id`)

      const unservedLetters = (webhookId: string | undefined) =>
        inPipeline(sql<{ readonly count: number }>`
          SELECT count(*)::int AS count FROM webhook_dead_letters d
          WHERE d.endpoint_id <> ALL (served_webhook_endpoints())
            AND coalesce(d.webhook_id = ${webhookId ?? null}::text::uuid, true)`).pipe(
          Effect.map((rows) => rows[0]!.count)
        )

      const retryBatch = (webhookId: string | null, target: string | null) =>
        orUnavailable(
          writes<{
            readonly retried: number
          }>`SELECT retry_webhooks(${webhookId}::text::uuid, ${target}::text, ${int4(BATCH)}) AS retried`
        ).pipe(Effect.map((rows) => rows[0]!.retried))

      const retry = Effect.fn("WebhookRepo.retry")(function* (
        webhookId: string | undefined,
        target?: string
      ) {
        let retried = 0
        while (true) {
          const batch = yield* retryBatch(webhookId ?? null, target ?? null)
          retried += batch
          if (batch < BATCH) return retried
        }
      })

      return WebhookRepo.of({
        serve,
        step,
        lag,
        letterCount,
        prune,
        deadLetters,
        served,
        retry,
        unservedLetters
      })
    })
  )
}

/** How many rows one statement deletes, or puts back into the queue. */
const BATCH = 500

/** How many dead letters are counted, at most. */
export const COUNTED_LETTERS = 100_000

const toEvent = (row: Row): WebhookEvent => ({
  id: row.id!,
  webhookId: row.webhook_id,
  lane: row.lane,
  type: row.type,
  messageId: row.message_id ?? undefined,
  userId: row.user_id ?? undefined,
  reportId: row.report_id ?? undefined,
  happenedAt: row.happened_at,
  attempts: row.attempts,
  timeLeft: Duration.seconds(row.seconds_left),
  offline:
    row.offline_user_ids === null
      ? undefined
      : {
          userIds: row.offline_user_ids.map((id) => id as UserId),
          isKnown: row.presence_known === true
        }
})
