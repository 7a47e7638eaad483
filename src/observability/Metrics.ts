import { performance } from "node:perf_hooks"
import { Context, Effect, Layer, Metric } from "effect"
import * as Instruments from "./Instruments.ts"
import { cached, type Gauge } from "./Instruments.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"

const LATENCIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]

/** The result of a send. `repeat`: a send with the same `client_id` was committed before. */
export type SendResult =
  | "sent"
  | "repeat"
  | "sender_not_found"
  | "receiver_not_found"
  | "conversation_not_found"
  | "not_member"
  | "blocked"
  | "suspended"
  | "quote_not_found"
  | "conflict"
  | "unavailable"

const SEND_RESULTS: ReadonlyArray<SendResult> = [
  "sent",
  "repeat",
  "sender_not_found",
  "receiver_not_found",
  "conversation_not_found",
  "not_member",
  "blocked",
  "suspended",
  "quote_not_found",
  "conflict",
  "unavailable"
]

/** The result of an attempt to deliver a webhook. After `failed` another attempt follows; `dead` was the last. */
export type WebhookResult = "delivered" | "failed" | "dead"

const WEBHOOK_RESULTS: ReadonlyArray<WebhookResult> = ["delivered", "failed", "dead"]

/** Close codes of WebSocket itself. Clients choose codes too: any that is neither here nor the contract's counts as `other`. */
const CLOSE_CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007]

/** The pool pipelines this many calls on one connection before it uses the next. It does not show how many connections are busy. */
const CALLS_PER_CONNECTION = 32

/**
 * The metrics of this node, for Prometheus. The names of the series are a contract with dashboards and alerts. A `Gauge`
 * is read at each scrape, and costs nothing in between.
 */
export interface Metrics {
  /** A request was answered. `route` is the pattern of its path, never the path; `startedAt` is `performance.now()`. */
  request(route: string, method: string, status: number, startedAt: number): void
  /** A handshake became a socket. The request is counted, its duration is not. */
  upgrade(route: string): void
  send(result: SendResult): void
  sendBatch(sends: number): void
  /** An event was written to a socket. */
  delivery(): void
  /**
   * The time from the commit of a message to its write to a live socket. `committedAt`, in milliseconds, is by the database's
   * clock: a difference between the two clocks is an error of the lag. The lag is never below 0.
   */
  deliveryLag(committedAt: number): void
  /** A socket that was behind has caught up by this many events. */
  catchUp(events: number): void
  socketClose(code: number): void
  /** An attempt to deliver a webhook ended; `attempt` is 1 for the first one of its event. */
  webhookAttempt(result: WebhookResult, attempt: number): void
  /** How long the oldest webhook event that is not delivered has waited, in seconds. */
  readonly webhookLag: Gauge
  /** Dead letters: webhook events that were given up and are stored. */
  readonly webhookDeadLetters: Gauge
  readonly sockets: Gauge
  readonly socketQueueBytes: Gauge
  readonly busUp: Gauge
  /** Calls to the database that are not answered yet. */
  readonly databaseCalls: Gauge
}

const make = (
  { counter, histogram, gauge }: Instruments.Instruments,
  closeCodes: ReadonlyArray<number>
): Metrics => {
  const requests = cached((route: string) =>
    cached((method: string) =>
      cached((status: number) =>
        counter("minichat_http_requests_total", "HTTP requests that were answered", {
          route,
          method,
          status: String(status)
        })
      )
    )
  )
  const durations = cached((route: string) =>
    histogram(
      "minichat_http_request_duration_seconds",
      "Time from an HTTP request's headers to its answer",
      LATENCIES,
      { route }
    )
  )
  const sends = cached((result: SendResult) =>
    counter("minichat_sends_total", "Sends that were answered, by REST and by socket", { result })
  )
  const closes = cached((code: number | "other") =>
    counter(
      "minichat_socket_closes_total",
      "Sockets that ended, by the close code of the side that closed first",
      {
        code: String(code)
      }
    )
  )
  const webhookAttempts = cached((result: WebhookResult) =>
    counter("minichat_webhook_attempts_total", "Attempts to deliver a webhook", { result })
  )
  const webhookRetries = counter(
    "minichat_webhook_retries_total",
    "Attempts to deliver a webhook that were not the first"
  )
  for (const result of WEBHOOK_RESULTS) webhookAttempts(result)
  for (const result of SEND_RESULTS) sends(result)
  const knownCodes = new Set([...CLOSE_CODES, ...closeCodes])
  for (const code of knownCodes) closes(code)

  const sendBatch = histogram("minichat_send_batch_size", "Sends that were committed together", COUNTS)
  const delivery = counter("minichat_events_delivered_total", "Events that were handed to a socket")
  const deliveryLag = histogram(
    "minichat_delivery_lag_seconds",
    "Time from a message's commit to its hand-over to a live socket, whose client reads",
    LATENCIES
  )
  const catchUp = histogram(
    "minichat_catch_up_events",
    "Events that a socket was behind by when it caught up",
    COUNTS
  )

  const connections = gauge(
    "minichat_db_connections_in_use",
    `Database connections that the calls under way need, one for ${CALLS_PER_CONNECTION} of them`
  )

  return {
    request: (route, method, status, startedAt) => {
      requests(route)(method)(status)()
      durations(route)((performance.now() - startedAt) / 1000)
    },
    upgrade: (route) => requests(route)("GET")(101)(),
    send: (result) => sends(result)(),
    sendBatch,
    delivery: () => delivery(),
    deliveryLag: (committedAt) => deliveryLag(Math.max(0, Date.now() - committedAt) / 1000),
    catchUp,
    socketClose: (code) => closes(knownCodes.has(code) ? code : "other")(),
    webhookAttempt: (result, attempt) => {
      webhookAttempts(result)()
      if (attempt > 1) webhookRetries()
    },
    webhookLag: gauge(
      "minichat_webhook_lag_seconds",
      "How long the oldest webhook event that is not delivered has waited"
    ),
    webhookDeadLetters: gauge(
      "minichat_webhook_dead_letters",
      "Webhook events that were given up and are kept"
    ),
    sockets: gauge("minichat_sockets", "Open sockets"),
    socketQueueBytes: gauge("minichat_socket_queue_bytes", "Bytes that wait for clients to read them"),
    databaseCalls: (underWay) => connections(() => Math.ceil(underWay() / CALLS_PER_CONNECTION)),
    busUp: gauge("minichat_bus_up", "Whether Redis answers; always 1 without one")
  }
}

/** The metrics of this node. The default is a registry that is not read, so that a test needs no layer for it. */
export const Metrics = Context.Reference<Metrics>("minichat/observability/Metrics", {
  defaultValue: () => make(Instruments.make(Context.make(Metric.MetricRegistry, new Map())), [])
})

/** What the caller passes in: this folder must not import it. */
export interface About {
  /** The id of the node and the version of the server: labels of `minichat_info`. */
  readonly node: string
  readonly version: string
  /** The close codes of the contract. */
  readonly closeCodes: ReadonlyArray<number>
}

/** The metrics of this node, in a registry of their own, with those of its process. */
export const layer = ({ node, version, closeCodes }: About) =>
  Layer.effect(
    Metrics,
    Effect.gen(function* () {
      const instruments = Instruments.make(Context.make(Metric.MetricRegistry, yield* Metric.MetricRegistry))
      yield* instruments.gauge("minichat_info", "The node and its version", { node, version })(() => 1)
      yield* ProcessMetrics.register(instruments)
      return make(instruments, closeCodes)
    })
  ).pipe(Layer.provideMerge(Layer.sync(Metric.MetricRegistry, () => new Map())))
