import { closeSync, existsSync, openSync } from "node:fs"
import { PerformanceObserver } from "node:perf_hooks"
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import * as Instruments from "../../src/observability/Instruments.ts"
import * as ProcessMetrics from "../../src/observability/ProcessMetrics.ts"

/** Registers the metrics until the scope closes, and answers how to read one of their series. */
const registered = Effect.gen(function* () {
  const registry = Context.make(Metric.MetricRegistry, new Map())
  yield* ProcessMetrics.register(Instruments.make(registry))
  return (series: string): number => {
    const line = PrometheusMetrics.formatUnsafe(registry)
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
    return line === undefined ? Number.NaN : Number(line.slice(series.length + 1))
  }
})

/** Collects all garbage, and waits until Node has called the observers. */
const collect = Effect.callback<void>((resume) => {
  const observer = new PerformanceObserver(() => {
    observer.disconnect()
    resume(Effect.void)
  })
  observer.observe({ entryTypes: ["gc"] })
  setFlagsFromString("--expose-gc")
  const gc: () => void = runInNewContext("gc")
  gc()
})

it.live("the processor time of the process is that of its user and system mode, and grows", () =>
  Effect.gen(function* () {
    const read = yield* registered
    const before = read("process_cpu_seconds_total")
    const { user, system } = process.cpuUsage()
    const after = read("process_cpu_seconds_total")
    assert.isAbove(before, 0)
    assert.isAtMost(before, (user + system) / 1e6)
    assert.isAtLeast(after, (user + system) / 1e6)
    assert.isAtLeast(read("process_cpu_user_seconds_total"), user / 1e6)
    assert.isAtLeast(read("process_cpu_system_seconds_total"), system / 1e6)
  })
)

it.live("the start time of the process stays what it is", () =>
  Effect.gen(function* () {
    const read = yield* registered
    const startedAt = read("process_start_time_seconds")
    assert.approximately(startedAt, Date.now() / 1000 - process.uptime(), 2)
    assert.strictEqual(read("process_start_time_seconds"), startedAt)
  })
)

it.live.runIf(existsSync("/proc/self/fd"))("an open file shows among the file descriptors", () =>
  Effect.gen(function* () {
    const read = yield* registered
    const opened = Array.from({ length: 50 }, () => openSync("/dev/null", "r"))
    const withFiles = read("process_open_fds")
    for (const file of opened) closeSync(file)
    // Other tests of this process open and close files too.
    assert.isAtLeast(withFiles, opened.length)
    assert.isBelow(withFiles, read("process_max_fds"))
  })
)

it.live("a garbage collection is counted by its kind, with how long it took", () =>
  Effect.gen(function* () {
    const read = yield* registered
    const series = (suffix: string) => read(`nodejs_gc_duration_seconds_${suffix}{kind="major"}`)
    assert.strictEqual(series("count"), 0)
    yield* collect
    assert.isAtLeast(series("count"), 1)
    assert.isAbove(series("sum"), 0)
    assert.isBelow(series("sum"), 60)
  })
)

it.live("the heap is measured as a whole and by space", () =>
  Effect.gen(function* () {
    const read = yield* registered
    assert.isAbove(read("nodejs_heap_size_used_bytes"), 1_000_000)
    assert.isAtLeast(read("nodejs_heap_size_total_bytes"), read("nodejs_heap_size_used_bytes"))
    for (const { space_name } of getHeapSpaceStatistics()) {
      const space = space_name.replace("_space", "")
      assert.isAtLeast(read(`nodejs_heap_space_size_used_bytes{space="${space}"}`), 0, space)
    }
    assert.isAbove(read('nodejs_heap_space_size_used_bytes{space="old"}'), 1_000_000)
  })
)

it.live("the version of Node is a metric", () =>
  Effect.gen(function* () {
    const read = yield* registered
    const [major, minor, patch] = process.versions.node.split(".")
    const labels = `version="${process.version}",major="${major}",minor="${minor}",patch="${patch}"`
    assert.strictEqual(read(`nodejs_version_info{${labels}}`), 1)
  })
)
