import { Context, Duration, Effect, Exit, FiberSet, Layer, Scope } from "effect"
import { atTicks, monotonicMillis } from "../domain/Timing.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { afterEachChange, Epoch } from "../Epoch.ts"
import { Lifecycle } from "../Lifecycle.ts"
import type { LiveInbox } from "./LiveInbox.ts"
import { LiveInboxes } from "./LiveInboxes.ts"
import * as PollGrace from "./PollGrace.ts"

/** How often the waits are searched for those whose time has passed. */
const TICK = Duration.millis(250)

/** A wait for an event of one inbox. This object is all that a waiting poll keeps in memory: it has no fiber. */
export interface Wait {
  /** Whether the head of the inbox moved beyond what was waited for. To be asked when the wait is over. */
  readonly isAdvanced: boolean
  /** Calls a listener once, when the wait is over; at once when it is over already. There is one listener at a time. */
  whenOver(listener: () => void): void
  /** Ends the wait before its time, without calling the listener. */
  stop(): void
}

/**
 * The waits of long polls. All share one loop and one fiber that waits for the drain: with `Effect.timeout` and a race with the drain,
 * each took four fibers, 7 KiB (bench/README.md, "What comments quote").
 */
export class Waits extends Context.Service<
  Waits,
  {
    /**
     * Begins to wait until an event of a user's inbox after `seq` is committed, so many seconds have passed, at most half a
     * second more, the node drains, or the epoch changes. Where one of these holds already, the wait is over when it begins.
     */
    begin(userId: UserId, seq: number, seconds: number): Effect.Effect<Wait, UserNotFound | Unavailable>
    /**
     * Counts a user as connected for two more seconds when its poll is answered without a wait, as after a wait: see
     * `PollGrace`.
     */
    answered(userId: UserId): Effect.Effect<void>
  }
>()("minichat/inbox/Waits") {
  static readonly layer = Layer.effect(
    Waits,
    Effect.gen(function* () {
      const lifecycle = yield* Lifecycle
      const live = yield* LiveInboxes
      const fork = yield* FiberSet.makeRuntime<never>()
      const keep = yield* PollGrace.make
      const waits = new Set<OpenWait>()

      const endAll = Effect.sync(() => {
        for (const wait of waits) wait.end()
      })
      yield* Effect.forkScoped(Effect.andThen(lifecycle.drains, endAll))
      // The numbers that they wait for belong to the former history.
      yield* afterEachChange(yield* Epoch, endAll)
      yield* Effect.map(monotonicMillis, (now) => {
        for (const wait of waits) if (now >= wait.until) wait.end()
      }).pipe(Effect.repeat(atTicks(TICK)), Effect.forkScoped)

      // A client whose poll was answered asks again soon. One whose poll was stopped closed its connection.
      const leave = (wait: OpenWait, userId: UserId, scope: Scope.Closeable, isAnswered: boolean) => {
        waits.delete(wait)
        fork(isAnswered ? keep(userId, scope) : Scope.close(scope, Exit.void))
      }

      const answered: Waits["Service"]["answered"] = (userId) =>
        Effect.suspend(() => {
          const scope = Scope.makeUnsafe()
          return Scope.provide(live.open(userId), scope).pipe(
            // The page was read, so it is answered: at worst its user counts as offline for a moment.
            Effect.matchCauseEffect({
              onFailure: (cause) => Scope.close(scope, Exit.failCause(cause)),
              onSuccess: () => keep(userId, scope)
            })
          )
        })

      const begin: Waits["Service"]["begin"] = (userId, seq, seconds) =>
        Effect.uninterruptibleMask((restore) => {
          const scope = Scope.makeUnsafe()
          return restore(Scope.provide(live.open(userId), scope)).pipe(
            Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
            Effect.zipWith(monotonicMillis, (inbox, now) => {
              const wait = new OpenWait(inbox, seq, now + seconds * 1000, (ended, isAnswered) =>
                leave(ended, userId, scope, isAnswered)
              )
              waits.add(wait)
              if (wait.isAdvanced || lifecycle.isDraining()) wait.end()
              return wait
            })
          )
        })

      return Waits.of({ begin, answered })
    })
  )
}

class OpenWait implements Wait {
  /** When it is over. In milliseconds of `monotonicMillis`. */
  readonly until: number
  private readonly inbox: LiveInbox
  private readonly seq: number
  private readonly onLeave: (wait: OpenWait, isAnswered: boolean) => void
  private readonly unfollow: () => void
  private listener: (() => void) | undefined
  private isOver = false

  constructor(
    inbox: LiveInbox,
    seq: number,
    until: number,
    onLeave: (wait: OpenWait, isAnswered: boolean) => void
  ) {
    this.inbox = inbox
    this.seq = seq
    this.until = until
    this.onLeave = onLeave
    this.unfollow = inbox.follow(() => this.isAdvanced && this.end())
  }

  get isAdvanced(): boolean {
    return this.inbox.head > this.seq
  }

  whenOver(listener: () => void): void {
    if (this.isOver) listener()
    else this.listener = listener
  }

  end(): void {
    this.leave(true)
    this.listener?.()
  }

  stop(): void {
    this.leave(false)
  }

  private leave(isAnswered: boolean): void {
    if (this.isOver) return
    this.isOver = true
    this.unfollow()
    this.onLeave(this, isAnswered)
  }
}
