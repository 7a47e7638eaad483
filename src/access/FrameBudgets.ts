import { Context, Duration, Effect, Layer } from "effect"
import type { UserId } from "../domain/User.ts"

/** How many frames a second a user's sockets on this node may send together, on average. */
const FRAMES_PER_SECOND = 500

/** How many frames they may send at once. */
const FRAMES_BURST = 5000

/** How often the budgets are refilled that are exhausted or have no sockets. */
const TICK = Duration.millis(100)

/** A socket whose reading can be stopped. */
export interface FrameSource {
  pauseReading(): void
  resumeReading(): void
}

/** The frames that one user may send on this node. While it is exhausted, sockets that send are not read. */
export interface FrameBudget {
  /**
   * Takes a frame of a socket from the budget. The parser still passes on the frames that it has already, so the budget may go
   * below zero: that debt is paid before the socket is read again.
   */
  take(source: FrameSource): void
  /** A socket joins the user's others. */
  join(): void
  /** A socket of the user ended. */
  leave(source: FrameSource): void
}

/** The budgets of frames by user: pings, frames of the protocol and bad frames alike. */
export class FrameBudgets extends Context.Service<
  FrameBudgets,
  {
    /** The budget of a user. Join it at once: a full budget without sockets is not kept. */
    of(userId: UserId): FrameBudget
  }
>()("minichat/access/FrameBudgets") {
  static readonly layer = Layer.effect(
    FrameBudgets,
    Effect.gen(function* () {
      const budgets = new Map<UserId, FrameBudget>()
      const refillLater = yield* makeRefillLater

      return FrameBudgets.of({
        of: (userId) =>
          budgets.get(userId) ??
          new TokenBucket(refillLater, {
            remember: (bucket) => budgets.set(userId, bucket),
            forget: () => budgets.delete(userId)
          })
      })
    })
  )
}

/** Refills the budgets that were added, until they need it no more. Its timer runs while there are some: an idle server is not woken. */
const makeRefillLater = Effect.gen(function* () {
  const buckets = new Set<TokenBucket>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  const stop = () => {
    clearInterval(timer)
    timer = undefined
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      stop()
    })
  )
  return (bucket: TokenBucket): void => {
    if (isClosed) return
    buckets.add(bucket)
    timer ??= setInterval(() => {
      const now = performance.now()
      for (const one of buckets) if (one.refill(now)) buckets.delete(one)
      if (buckets.size === 0) stop()
    }, Duration.toMillis(TICK))
  }
})

/** How a budget puts itself into the map of budgets and out of it. */
interface Owner {
  remember(bucket: FrameBudget): void
  forget(): void
}

class TokenBucket implements FrameBudget {
  private tokens = FRAMES_BURST
  private filledAt = performance.now()
  private sockets = 0
  private readonly paused = new Set<FrameSource>()
  private readonly refillLater: (bucket: TokenBucket) => void
  private readonly owner: Owner

  constructor(refillLater: (bucket: TokenBucket) => void, owner: Owner) {
    this.refillLater = refillLater
    this.owner = owner
  }

  join(): void {
    if (this.sockets++ === 0) this.owner.remember(this)
  }

  leave(source: FrameSource): void {
    this.paused.delete(source)
    // It outlives its sockets until it is full, so that reconnecting does not fill it.
    if (--this.sockets === 0 && !this.refill(performance.now())) this.refillLater(this)
  }

  take(source: FrameSource): void {
    if (--this.tokens >= 0) return
    this.fill(performance.now())
    if (this.tokens >= 0) return
    this.refillLater(this)
    if (this.paused.has(source)) return
    this.paused.add(source)
    source.pauseReading()
  }

  /** Lets the sockets read again when the debt is paid. False while there is one, and without sockets while it is not full. */
  refill(now: number): boolean {
    this.fill(now)
    if (this.tokens < 0) return false
    const sources = [...this.paused]
    this.paused.clear()
    // Sockets with frames left may exhaust the budget again.
    for (const source of sources) source.resumeReading()
    if (this.sockets > 0) return this.paused.size === 0
    if (this.tokens < FRAMES_BURST) return false
    this.owner.forget()
    return true
  }

  private fill(now: number): void {
    const gained = ((now - this.filledAt) / 1000) * FRAMES_PER_SECOND
    this.tokens = Math.min(FRAMES_BURST, this.tokens + gained)
    this.filledAt = now
  }
}
