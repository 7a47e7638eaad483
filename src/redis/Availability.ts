import { Duration, Effect, Exit, Fiber, FiberSet, Option, PubSub } from "effect"
import { atTicks, monotonicMillis } from "../domain/Timing.ts"
import type { ProbeFailed } from "./Probe.ts"
import { isWrongServer, type Reason, reasonOf, sentenceOf } from "./Reason.ts"

/** How often Redis is probed, and how long it may take to answer a probe before it is unavailable. */
const PROBE_INTERVAL = Duration.millis(500)

/** How long probes may fail without a refusal before all connections are closed and opened anew. */
const RECONNECT_AFTER = Duration.seconds(5)

/** How many different warnings are logged until Redis is available again. */
const MAX_WARNINGS = 20

const SILENT: Reason = { isRefusal: false, text: `no answer within ${Duration.format(PROBE_INTERVAL)}` }

const CLOSED: Reason = { isRefusal: false, text: "the connection closed" }

/** Whether Redis is available, by what its connections and probes report. Each reason why not is logged once. */
export const makeAvailability = Effect.gen(function* () {
  const runFork = yield* FiberSet.makeRuntime<never>()
  const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
  let up = false
  let outages = 0
  let closes = 0
  let lastError: Reason | undefined
  /** The warnings that were logged since Redis was available last. */
  const logged = new Set<string>()

  const warn = (line: string) =>
    Effect.suspend(() => {
      if (logged.has(line) || logged.size >= MAX_WARNINGS) return Effect.void
      logged.add(line)
      return Effect.logWarning(line)
    })
  const markUnavailable = (reason: Reason) =>
    Effect.suspend(() => {
      if (up) outages++
      up = false
      const verb = reason.isRefusal ? "refuses what this server needs" : "does not answer"
      return warn(
        `Redis ${verb} (REDIS_URL): ${sentenceOf(reason)} Serving from the database until that is mended`
      )
    })
  const markAvailable = Effect.suspend(() => {
    lastError = undefined
    if (up) return Effect.void
    up = true
    logged.clear()
    return Effect.andThen(PubSub.publish(recovered, undefined), Effect.logInfo("Redis is available"))
  })

  /** Why a probe failed; none when it succeeded. */
  const probeOnce = Effect.fnUntraced(function* (probe: Effect.Effect<void, ProbeFailed>) {
    const closesBefore = closes
    const probing = yield* Effect.forkChild(probe, { startImmediately: true })
    yield* Effect.timeoutOption(Fiber.await(probing), PROBE_INTERVAL)
    // A busy process may run the timeout before it reads a reply that has arrived: sleep 1 ms to read it.
    if (probing.pollUnsafe() === undefined) yield* Effect.sleep(1)
    const exit = probing.pollUnsafe()
    yield* Fiber.interrupt(probing)
    if (exit === undefined) return SILENT
    // A connection may have closed between its reply and the reply of the other connection.
    if (Exit.isSuccess(exit)) return closes === closesBefore ? undefined : CLOSED
    const failure = Option.getOrUndefined(Exit.findErrorOption(exit))
    return reasonOf(failure?.cause) ?? lastError ?? CLOSED
  })

  return {
    isUp: () => up,
    outages: () => outages,
    recoveries: PubSub.subscribe(recovered),
    /** A connection has met an error. It may be the reason why the next probe fails. */
    onError: (error: unknown) => {
      lastError = reasonOf(error) ?? lastError
    },
    /** A connection closed. Before the first connection, the probe reports why there is none. */
    onClose: () => {
      closes++
      if (up) runFork(markUnavailable(lastError ?? CLOSED))
    },
    /** Logs the refusal of a command: a user may lack the right to one that the probe does not try. */
    onCommandFailure: (cause: unknown) => {
      const reason = reasonOf(cause)
      // NOSCRIPT asks to load the script, which follows.
      if (!reason?.isRefusal || reason.text.startsWith("NOSCRIPT")) return
      runFork(warn(`Redis refused a command (REDIS_URL): ${sentenceOf(reason)}`))
    },
    /** Probes Redis once, and then at each interval until the scope closes. */
    watch: Effect.fnUntraced(function* (probe: Effect.Effect<void, ProbeFailed>, reconnect: () => void) {
      let failingSince: number | undefined
      const check = Effect.gen(function* () {
        const reason = yield* probeOnce(probe)
        if (reason === undefined) {
          failingSince = undefined
          return yield* markAvailable
        }
        yield* markUnavailable(reason)
        const now = yield* monotonicMillis
        failingSince ??= now
        const isOverdue = now - failingSince >= Duration.toMillis(RECONNECT_AFTER)
        // After another refusal, a new connection would lead to the same server and meet the same.
        if (reason.isRefusal ? !isWrongServer(reason) : !isOverdue) return
        failingSince = now
        reconnect()
      })
      yield* check
      yield* Effect.forkScoped(Effect.repeat(check, atTicks(PROBE_INTERVAL)))
    })
  }
})
