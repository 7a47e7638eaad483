import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks"
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8"
import { Effect } from "effect"
import type { Instruments } from "./Instruments.ts"

/** How often the event loop's delay is sampled. In milliseconds. Each sample wakes an idle process. */
const LAG_RESOLUTION = 50

/** The buckets of a garbage collection, in seconds, as `prom-client` has them. */
const GC_DURATIONS = [0.001, 0.01, 0.1, 1, 2, 5]

/** The kinds of garbage collection by Node's constants, as `prom-client` names them. */
const GC_KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weakcb"]
])

const NO_KIND = -1

const OPEN_FILES = "/proc/self/fd"

const LIMITS = "/proc/self/limits"

/** The metrics of this process and of Node, under the names of `prom-client`, until the scope closes. */
export const register = Effect.fnUntraced(function* (instruments: Instruments) {
  yield* registerProcess(instruments)
  yield* registerHeap(instruments)
  yield* observeCollections(instruments)
  yield* instruments.gauge(
    "minichat_event_loop_lag_seconds",
    "By how much the event loop was late, the 99th percentile since the last scrape"
  )(yield* eventLoopLag)
})

const registerProcess = Effect.fnUntraced(function* ({ gauge, readCounter }: Instruments) {
  yield* readCounter(
    "process_cpu_user_seconds_total",
    "User CPU time in seconds"
  )(() => process.cpuUsage().user / 1e6)
  yield* readCounter(
    "process_cpu_system_seconds_total",
    "System CPU time in seconds"
  )(() => process.cpuUsage().system / 1e6)
  yield* readCounter(
    "process_cpu_seconds_total",
    "User and system CPU time in seconds"
  )(() => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  const startedAt = Math.round(Date.now() / 1000 - process.uptime())
  yield* gauge(
    "process_start_time_seconds",
    "Start time of the process in seconds since 1970"
  )(() => startedAt)
  yield* gauge("process_resident_memory_bytes", "Resident memory")(() => process.memoryUsage.rss())
  // Only Linux has these files.
  if (existsSync(OPEN_FILES)) {
    yield* gauge("process_open_fds", "Open file descriptors")(openFiles)
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS, "utf8"))?.[1]
    const most = limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
    yield* gauge("process_max_fds", "File descriptors that the process may open")(() => most)
  }
  const [major, minor, patch] = process.versions.node.split(".")
  const version = { version: process.version, major: major!, minor: minor!, patch: patch! }
  yield* gauge("nodejs_version_info", "The version of Node.js", version)(() => 1)
})

/**
 * Since Linux 6.2 the size of the folder is the number of descriptors, read in 0.1 ms; before, the size is 0 and the folder is read:
 * with 10,000 descriptors that blocks the event loop for 30 ms (bench/README.md, "What comments quote"). Reading opens one more.
 */
const openFiles = () => statSync(OPEN_FILES).size || readdirSync(OPEN_FILES).length - 1

const registerHeap = Effect.fnUntraced(function* ({ gauge }: Instruments) {
  yield* gauge("minichat_heap_used_bytes", "JavaScript heap in use")(() => process.memoryUsage().heapUsed)
  yield* gauge(
    "nodejs_heap_size_used_bytes",
    "JavaScript heap in use"
  )(() => getHeapStatistics().used_heap_size)
  yield* gauge(
    "nodejs_heap_size_total_bytes",
    "JavaScript heap that is allocated"
  )(() => getHeapStatistics().total_heap_size)
  yield* Effect.forEach(
    getHeapSpaceStatistics(),
    ({ space_name }, i) =>
      gauge("nodejs_heap_space_size_used_bytes", "JavaScript heap in use, by space", {
        space: space_name.replace(/_space$/, "")
        // V8 lists its spaces in one order.
      })(() => getHeapSpaceStatistics()[i]!.space_used_size),
    { discard: true }
  )
})

/** Observes each garbage collection: some tens a second under load. */
const observeCollections = ({ histogram }: Instruments) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const durations = new Map(
        Array.from(GC_KINDS, ([constant, kind]) => [
          constant,
          histogram("nodejs_gc_duration_seconds", "Duration of garbage collections", GC_DURATIONS, { kind })
        ])
      )
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) durations.get(kindOf(entry))?.(entry.duration / 1000)
      })
      observer.observe({ entryTypes: ["gc"] })
      return observer
    }),
    (observer) => Effect.sync(() => observer.disconnect())
  )

/** The kind of a collection is in `detail`, which the types of Node lack. */
const kindOf = (entry: object) => {
  const detail = "detail" in entry ? entry.detail : undefined
  const kind = typeof detail === "object" && detail !== null && "kind" in detail ? detail.kind : undefined
  return typeof kind === "number" ? kind : NO_KIND
}

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
