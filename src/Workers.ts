import cluster, { type Worker } from "node:cluster"
import { availableParallelism } from "node:os"
import { Deferred, Duration, Effect, Fiber, FiberSet, Option, Schema } from "effect"
import { AppConfig } from "./AppConfig.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { gather } from "./observability/WorkerMetrics.ts"

/** The workers cannot be started, or the first of them could not. */
export class WorkersError extends Schema.TaggedError<WorkersError>()("WorkersError", {
  message: Schema.String
}) {}

/** How long it takes until a worker that ended is replaced. */
const RESTART_DELAY = Duration.seconds(1)

/** The message of the primary process to its workers before it drains them. */
const LEAVE = "minichat/Leave"

/** In a worker: leaves at the message of the primary process. All workers leave at once, because a probe reaches any of them. */
export const leaveWithPrimary = Effect.gen(function* () {
  if (!cluster.isWorker) return
  const lifecycle = yield* Lifecycle
  const fork = yield* FiberSet.makeRuntime<never>()
  const listener = (message: unknown) => {
    if (message === LEAVE) fork(lifecycle.leave)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("message", listener)),
    () => Effect.sync(() => process.off("message", listener))
  )
})

/** How many processes the settings ask for. */
export const workerCount = Effect.gen(function* () {
  const { workers, databaseUrl, redisUrl } = yield* AppConfig
  const canShare = Option.isSome(databaseUrl) && Option.isSome(redisUrl)
  if (workers === "auto") return canShare ? availableParallelism() : 1
  if (workers > 1 && !canShare) {
    return yield* new WorkersError({
      message: `WORKERS=${workers} needs DATABASE_URL and REDIS_URL: the embedded database and bus are one process's own`
    })
  }
  return workers
})

/**
 * Runs `count` worker processes on one port until it is interrupted. A worker that ends is replaced; when the
 * first one cannot start, nothing starts. Interrupted, all of them leave for `DRAIN_DELAY`. Then it drains them one by one, so that
 * the rest take over the clients of each. When all processes are signalled at once, as a terminal and systemd do, each worker waits
 * for `DRAIN_DELAY` and drains by itself.
 */
export const runWorkers = Effect.fnUntraced(function* (count: number) {
  const { drainDelay, drainTimeout } = yield* AppConfig
  // The workers drain one after another, all of them within the time of one.
  const environment = {
    DRAIN_TIMEOUT: `${Math.ceil(Duration.toMillis(drainTimeout) / count)} millis`
  }
  const workers = new Set<Worker>()

  /** Runs one worker until it ends; `listening` is done when it serves. */
  const run = (listening: Deferred.Deferred<void>) =>
    Effect.callback<string>((resume) => {
      const worker = cluster.fork(environment)
      workers.add(worker)
      worker.once("listening", () => Deferred.doneUnsafe(listening, Effect.void))
      worker.once("exit", (code, signal) => {
        workers.delete(worker)
        resume(Effect.succeed(signal ?? `exit code ${code}`))
      })
    })

  const mourn = (how: string) =>
    Effect.andThen(
      Effect.logWarning(`A worker ended (${how}); starting another`),
      Effect.sleep(RESTART_DELAY)
    )

  const runForever = Effect.forever(
    Effect.flatMap(
      Effect.suspend(() => run(Deferred.makeUnsafe())),
      mourn
    )
  )

  const leaveAll = Effect.sync(() => {
    for (const worker of workers) if (worker.isConnected()) worker.send(LEAVE)
  }).pipe(
    Effect.andThen(
      Effect.logInfo(
        `Stopping: /readyz is 503, and serving goes on for ${Duration.format(drainDelay)} (DRAIN_DELAY)`
      )
    ),
    Effect.andThen(Effect.sleep(drainDelay))
  )

  const drainAll = Effect.suspend(() =>
    Effect.forEach(
      workers,
      (worker) =>
        Effect.callback<void>((resume) => {
          worker.once("exit", () => resume(Effect.void))
          worker.kill("SIGTERM")
        }),
      { discard: true }
    )
  )

  return yield* Effect.gen(function* () {
    yield* Effect.forkChild(gather)
    const listening = yield* Deferred.make<void>()
    const first = yield* Effect.forkChild(run(listening), { startImmediately: true })
    const started = yield* Effect.raceFirst(
      Effect.as(Deferred.await(listening), true),
      Effect.as(Fiber.join(first), false)
    )
    if (!started) return yield* new WorkersError({ message: "The first worker did not start" })
    yield* Effect.logInfo(`Running ${count} workers`)
    const others = Array.from({ length: count - 1 }, () => runForever)
    return yield* Effect.all(
      [Fiber.join(first).pipe(Effect.flatMap(mourn), Effect.andThen(runForever)), ...others],
      {
        concurrency: "unbounded",
        discard: true
      }
    )
  }).pipe(
    Effect.onInterrupt(() =>
      Duration.isGreaterThan(drainDelay, Duration.zero) ? Effect.andThen(leaveAll, drainAll) : drainAll
    )
  )
})
