import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import { Context, Effect, Layer, Metric, type Scope } from "effect"
import { CloseCode } from "../api/CloseCode.ts"

const LATENCIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]

/** How a send ended; `repeat` is one that was committed before, under the same `client_id`. */
export type SendResult =
  | "sent"
  | "repeat"
  | "sender_not_found"
  | "receiver_not_found"
  | "conflict"
  | "unavailable"

const SEND_RESULTS: ReadonlyArray<SendResult> = [
  "sent",
  "repeat",
  "sender_not_found",
  "receiver_not_found",
  "conflict",
  "unavailable"
]

/** Clients choose codes too, so those that mean nothing here are one label value. */
const CLOSE_CODES = new Set<number>([
  1000,
  1001,
  1002,
  1003,
  1005,
  1006,
  1007,
  ...Object.values(CloseCode).map(({ code }) => code)
])

/** The pool does not tell how many connections are busy. It fills one with calls before it takes the next. */
const CALLS_PER_CONNECTION = 32

/** Reads a gauge each time that the metrics are read, until the scope closes. */
type Gauge = (read: () => number) => Effect.Effect<void, never, Scope.Scope>

/**
 * What this node counts, for Prometheus. The names of the series are a contract with dashboards and alerts.
 *
 * Updates are plain function calls, without a fiber, as some happen for each event that is delivered; what can
 * be read when it is asked for is a `Gauge`, and costs nothing until then.
 */
export interface Metrics {
  /** A request was answered. `route` is the pattern of its path, never the path; `startedAt` is `performance.now()`. */
  request(route: string, method: string, status: number, startedAt: number): void
  /** A handshake became a socket: the request is over, the socket is not. */
  upgrade(route: string): void
  send(result: SendResult): void
  sendBatch(sends: number): void
  /** An event was handed to a socket. */
  delivery(): void
  /**
   * How long a message took from its commit to the hand-over to a live socket. `committedAt`, in milliseconds, is
   * by the database's clock: where the node's clock differs, the lag is off by that much, and never below 0.
   */
  deliveryLag(committedAt: number): void
  /** A socket that was behind has caught up by this many events. */
  catchUp(events: number): void
  socketClose(code: number): void
  readonly sockets: Gauge
  readonly socketQueueBytes: Gauge
  readonly busUp: Gauge
  /** Calls to the database that are under way. */
  readonly databaseCalls: Gauge
  readonly eventLoopLag: Gauge
  readonly residentMemory: Gauge
  readonly heapUsed: Gauge
}

const make = (context: Context.Context<never>): Metrics => {
  const counter = (name: string, description: string, attributes?: Record<string, string>) => {
    const metric = Metric.counter(name, { description, attributes, incremental: true })
    // A series that is there from the start shows its first increase.
    metric.updateUnsafe(0, context)
    return (by = 1) => metric.updateUnsafe(by, context)
  }

  const histogram = (
    name: string,
    description: string,
    boundaries: ReadonlyArray<number>,
    attributes?: Record<string, string>
  ) => {
    const metric = Metric.histogram(name, { description, boundaries, attributes })
    metric.valueUnsafe(context)
    return (value: number) => metric.updateUnsafe(value, context)
  }

  const register = (name: string, description: string, read: () => number) =>
    Metric.registerUnsafe(Metric.gauge(name, { description }), context, {
      get: () => ({ value: read() }),
      update: () => {},
      modify: () => {}
    })

  const gauge =
    (name: string, description: string): Gauge =>
    (read) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => register(name, description, read)),
          (registration) => Effect.sync(registration.remove)
        )
      )

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
    counter("minichat_socket_closes_total", "Sockets that ended, by the close code of whoever closed first", {
      code: String(code)
    })
  )
  for (const result of SEND_RESULTS) sends(result)
  for (const code of CLOSE_CODES) closes(code)

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
    socketClose: (code) => closes(CLOSE_CODES.has(code) ? code : "other")(),
    sockets: gauge("minichat_sockets", "Open sockets"),
    socketQueueBytes: gauge("minichat_socket_queue_bytes", "Bytes that wait for clients to read them"),
    databaseCalls: (underWay) => connections(() => Math.ceil(underWay() / CALLS_PER_CONNECTION)),
    busUp: gauge("minichat_bus_up", "Whether Redis answers; always 1 without one"),
    eventLoopLag: gauge(
      "minichat_event_loop_lag_seconds",
      "By how much the event loop was late, the 99th percentile since the last scrape"
    ),
    residentMemory: gauge("process_resident_memory_bytes", "Resident memory"),
    heapUsed: gauge("minichat_heap_used_bytes", "JavaScript heap in use")
  }
}

/** One series for each label value, made once. Label values come from small sets. */
const cached = <Label, A>(make: (label: Label) => A) => {
  const made = new Map<Label, A>()
  return (label: Label): A => {
    const known = made.get(label)
    if (known !== undefined) return known
    const series = make(label)
    made.set(label, series)
    return series
  }
}

/** The metrics of this node. A default, so that whatever counts needs nothing in a test: then nobody looks. */
export const Metrics = Context.Reference<Metrics>("minichat/observability/Metrics", {
  defaultValue: () => make(Context.make(Metric.MetricRegistry, new Map()))
})

/** How often the event loop is looked at. In milliseconds. */
const LAG_RESOLUTION = 20

const eventLoopLag = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION })
      delays.enable()
      return delays
    }),
    (delays) => Effect.sync(() => delays.disable())
  ),
  (delays) => () => {
    const nanoseconds = delays.count === 0 ? 0 : delays.percentile(99)
    delays.reset()
    return Math.max(0, nanoseconds / 1e6 - LAG_RESOLUTION) / 1000
  }
)

/** The metrics of this node, in a registry of their own, with those of its process. */
export const layer = Layer.effect(
  Metrics,
  Effect.gen(function* () {
    const metrics = make(Context.make(Metric.MetricRegistry, yield* Metric.MetricRegistry))
    yield* metrics.eventLoopLag(yield* eventLoopLag)
    yield* metrics.residentMemory(() => process.memoryUsage.rss())
    yield* metrics.heapUsed(() => process.memoryUsage().heapUsed)
    return metrics
  })
).pipe(Layer.provideMerge(Layer.sync(Metric.MetricRegistry, () => new Map())))
