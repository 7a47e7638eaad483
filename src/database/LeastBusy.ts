import { PgClient, type PgConnection, PgPool } from "@effect/sql-pg"
import { Duration, Effect, Exit, Fiber, Option } from "effect"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"
import * as Ticks from "./Ticks.ts"

// The driver's own pool fills one connection with 32 statements before it uses the next: one slow statement holds up 31 others
// while connections idle. Statements of one turn are written four at a time: one by one, tiny statements took 1.6 times as long.

/** The time below is counted in ticks: a process that was itself held up does not take its connections for slow ones. */
const TICK = Duration.millis(50)

/** A connection without an answer for this many ticks is used for nothing else while others answer. */
const STALLED_AFTER = 3

/** For how long a connection whose statement was given up is avoided: it may still run the statement. */
const AVOIDED_FOR = 40

/** After this time without use the pool of a connection, which waits for 60 seconds, may have closed it. */
const IDLE_AFTER = 1000

/** How long to wait before a connection that could not be opened is tried again. */
const REOPEN_AFTER = 20

/** So many connections are kept busy before statements are written behind others on them, as long as they answer promptly. */
const KEPT_BUSY = 2

/** How many statements may be in flight on a connection before the next ones go to one more connection. */
const WRITTEN_BEHIND = 16

/** A connection whose last answer is older than this, in milliseconds, is not prompt. */
const PROMPT = 5

/** How many statements of one turn of the event loop share a connection: they are written, and answered, together. */
const WRITTEN_TOGETHER = 4

/** More than the statements that can be in flight on one connection. */
const AVOIDED = 1_000_000

/** A pool of one connection. */
interface Slot {
  readonly pool: PgPool.PgPool
  isOpen: boolean
  inFlight: number
  /** When the connection last was idle, or answered. */
  progressAt: number
  /** The same in milliseconds of `performance.now`. */
  answeredAt: number
  avoidedUntil: number
}

/**
 * A client that runs each statement on the connection with the fewest in flight, and pipelines the statements of many fibers on
 * each. While there are fewer connections than `maxConnections`, a statement that finds none free waits for a new one, or for one
 * that becomes free. Transactions, streams and listeners have connections of their own, half as many. Scoped.
 */
export const make = Effect.fnUntraced(function* (options: PgClient.PgPoolConfig) {
  const { maxConnections = 10, ...config } = options
  const ticks = yield* Ticks.make(TICK)
  const exclusive = yield* PgClient.make({
    ...config,
    maxConnections: Math.max(2, Math.ceil(maxConnections / 2)),
    multiplex: true
  })
  const scope = yield* Effect.scope
  const slots = yield* Effect.replicateEffect(
    Effect.map(
      PgPool.make({ ...config, maxConnections: 1, multiplex: true }),
      (pool): Slot => ({ pool, isOpen: false, inFlight: 0, progressAt: 0, answeredAt: 0, avoidedUntil: 0 })
    ),
    maxConnections
  )

  const openings = new Map<Slot, Fiber.Fiber<void, SqlError.SqlError>>()
  let reopenAt = 0
  /** The statements that wait for the first connection that is free. */
  const waiting = new Set<() => void>()
  const wakeFirst = () => {
    for (const wake of waiting) return wake()
  }
  const wakeAll = () => {
    for (const wake of waiting) wake()
  }

  /** Opens a connection in the background. */
  const open = (slot: Slot) => {
    const opened = slot.pool
      .use(() => Effect.void)
      .pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            openings.delete(slot)
            slot.isOpen = Exit.isSuccess(exit)
            slot.progressAt = ticks.now()
            if (!slot.isOpen) reopenAt = ticks.now() + REOPEN_AFTER
            if (slot.isOpen && openings.size > 0) wakeFirst()
            else wakeAll()
          })
        )
      )
    return Effect.tap(Effect.forkIn(opened, scope), (fiber) => Effect.sync(() => openings.set(slot, fiber)))
  }

  const progress = (slot: Slot) => {
    slot.progressAt = ticks.now()
    slot.answeredAt = performance.now()
  }

  const isAvoided = (slot: Slot, now: number) =>
    now < slot.avoidedUntil || (slot.inFlight > 0 && now - slot.progressAt > STALLED_AFTER)

  const isFree = (slot: Slot) => slot.inFlight === 0 && !isAvoided(slot, ticks.now())

  /** The open connection for the next statement: one that is not avoided, of these the least busy. */
  const leastBusy = (): Slot | undefined => {
    let best: Slot | undefined
    let fewest = Number.POSITIVE_INFINITY
    const now = ticks.now()
    for (const slot of slots) {
      if (slot.inFlight === 0 && now - slot.progressAt > IDLE_AFTER) slot.isOpen = false
      if (!slot.isOpen) continue
      const weight = slot.inFlight + (isAvoided(slot, now) ? AVOIDED : 0)
      if (weight >= fewest) continue
      if (weight === 0) return slot
      best = slot
      fewest = weight
    }
    return best
  }

  /**
   * The connection to write behind others on, when enough of them are busy and prompt: of these the least busy. Each further
   * one wakes one more process of the database. Where that runs on the same few cores, small reads on ten connections took
   * it 1.8 times the processor time of reads on two (bench/README.md, "What comments quote"). While answers take long, all connections
   * are used.
   */
  const prompt = (): Slot | undefined => {
    const latest = performance.now() - PROMPT
    const now = ticks.now()
    let busy = 0
    let best: Slot | undefined
    for (const slot of slots) {
      if (!slot.isOpen || slot.inFlight === 0 || slot.answeredAt < latest || now < slot.avoidedUntil) continue
      busy++
      if (slot.inFlight < (best?.inFlight ?? WRITTEN_BEHIND)) best = slot
    }
    return busy < KEPT_BUSY ? undefined : best
  }

  const release = (slot: Slot, exit: Exit.Exit<unknown, unknown>) => {
    slot.inFlight--
    ticks.end()
    if (Exit.hasInterrupts(exit)) {
      slot.avoidedUntil = ticks.now() + AVOIDED_FOR
      return
    }
    progress(slot)
    // Later statements go to prompt connections past those that wait: they are not to wait for longer than these.
    if (slot.inFlight === 0 || (waiting.size > 0 && prompt() !== undefined)) wakeFirst()
    // The next statement is not to wait for a new connection, which may fail as well, while others are open.
    if (Option.exists(Exit.findErrorOption(exit), isLost)) slot.isOpen = false
  }

  let together: { readonly slot: Slot; room: number } | undefined
  const endTurn = () => {
    together = undefined
  }
  /** The connection for the next statement, when there is an open one. */
  const choose = (): Slot | undefined => {
    if (together !== undefined && together.room > 0 && together.slot.isOpen) {
      together.room--
      return together.slot
    }
    const slot = leastBusy()
    if (slot === undefined || !isFree(slot)) return slot
    if (together === undefined) queueMicrotask(endTurn)
    together = { slot, room: WRITTEN_TOGETHER - 1 }
    return slot
  }

  /** The ids of the fibers whose statements were written behind others: a Set of the fibers would keep some of them long after. */
  const behind = new Set<number>()

  const runOn = <A, E, R>(slot: Slot, f: (connection: SqlConnection.Connection) => Effect.Effect<A, E, R>) =>
    Effect.withFiber<A, E | SqlError.SqlError, R>((fiber) => {
      if (slot.inFlight === 0) progress(slot)
      else behind.add(fiber.id)
      slot.inFlight++
      ticks.begin()
      return Effect.onExit(
        slot.pool.use((connection) => f(shared(connection))),
        (exit) =>
          Effect.sync(() => {
            behind.delete(fiber.id)
            release(slot, exit)
          })
      )
    })

  const isClosed = (slot: Slot) => !slot.isOpen && !openings.has(slot)

  const firstFree = Effect.callback<void>((resume) => {
    const wake = () => {
      waiting.delete(wake)
      resume(Effect.void)
    }
    waiting.add(wake)
    return Effect.sync(() => {
      // This caller was interrupted after it was woken: wake the next one for the connection.
      if (!waiting.delete(wake)) wakeFirst()
    })
  })

  const borrower: SqlConnection.Borrower = (f) =>
    Effect.suspend(() => {
      const busy = prompt()
      if (busy !== undefined) return runOn(busy, f)
      const slot = choose()
      if (slot === undefined) {
        const [underWay] = openings.values()
        const opened = underWay === undefined ? open(slots.find(isClosed)!) : Effect.succeed(underWay)
        return Effect.andThen(Effect.flatMap(opened, Fiber.join), borrower(f))
      }
      if (slot === together?.slot || isFree(slot) || ticks.now() < reopenAt) return runOn(slot, f)
      const closed = openings.size > waiting.size ? undefined : slots.find(isClosed)
      if (closed === undefined && openings.size === 0) return runOn(slot, f)
      const free = Effect.andThen(firstFree, borrower(f))
      return closed === undefined ? free : Effect.andThen(open(closed), free)
    })

  const { reserve, withTransaction, transactionService, config: configured, json, listen, notify } = exclusive
  const client = yield* SqlClient.make({
    driver: exclusive.driver,
    acquirer: reserve,
    transactionService,
    borrower,
    compiler: PgClient.makeCompiler(),
    spanAttributes: [["db.system.name", "postgresql"]]
  })
  const rest = { withTransaction, config: configured, json, listen, notify }
  return {
    client: Object.assign(client, rest, { [PgClient.TypeId]: PgClient.TypeId }) as PgClient.PgClient,
    /** Whether the statement that a fiber waits for was written behind others: it may wait for them. */
    isBehind: (fiber: Fiber.Fiber<unknown, unknown>) => behind.has(fiber.id)
  }
})

/** A shared connection, as statements are given it. */
const shared = (connection: PgConnection.PgConnection): SqlConnection.Connection => {
  const rows = (sql: string, params: ReadonlyArray<unknown>, prepare?: boolean) =>
    Effect.map(connection.query(sql, params, prepare), (result) => result.rows)
  return {
    execute: (sql, params) => rows(sql, params),
    executeRaw: (sql, params) => connection.query(sql, params),
    executeValues: (sql, params) => connection.queryValues(sql, params),
    executeValuesUnprepared: (sql, params) => connection.queryValues(sql, params, false),
    executeUnprepared: (sql, params) => rows(sql, params, false),
    executeStream: (sql, params) => connection.stream(sql, params)
  }
}

const isLost = (error: unknown) => SqlError.isSqlError(error) && error.reason._tag === "ConnectionError"
