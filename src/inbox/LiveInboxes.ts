import { Context, Duration, Effect, Layer, PubSub, RcMap, Schedule, type Scope } from "effect"
import type { AddressedEvent } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { type Bounds, InboxRepo } from "../repo/InboxRepo.ts"
import { LiveInbox } from "./LiveInbox.ts"

/** How often the heads of all inboxes in use are compared with the database, in case Redis lost an event. */
const SWEEP_INTERVAL = Duration.seconds(10)

/** The same while Redis is away: events then arrive by this alone. */
const SWEEP_INTERVAL_AWAY = Duration.seconds(1)

const TICK = Duration.millis(250)

/** How many inboxes one query of a sweep covers. */
const SWEEP_BATCH = 5000

/**
 * The inboxes that someone on this node follows. Each is opened once however many follow it, and closed, with
 * its subscription, when the last one leaves.
 */
export class LiveInboxes extends Context.Service<
  LiveInboxes,
  {
    /**
     * Follows a user's inbox until the scope closes. From here on its head misses no event that is committed.
     * A client may have seen an event on another node that did not get here yet: a head that is behind `since`
     * is looked up again.
     */
    open(userId: UserId, since?: number): Effect.Effect<LiveInbox, UserNotFound | Unavailable, Scope.Scope>
    /**
     * Tells this node's sockets of an event that this node committed, ahead of the bus. Only if it is the next of an
     * inbox that is open: any other comes over the bus, behind those that it follows.
     */
    offer(addressed: AddressedEvent): void
    /** How many inboxes are open. */
    readonly size: Effect.Effect<number>
  }
>()("minichat/chat/LiveInboxes") {
  static readonly layer = Layer.effect(
    LiveInboxes,
    Effect.gen(function* () {
      const bus = yield* RedisBus
      const repo = yield* InboxRepo
      const epoch = yield* Epoch
      const opened = new Map<UserId, LiveInbox>()

      // Subscribed first, looked up second: an event between the two moves the head by itself.
      const lookup = Effect.fnUntraced(function* (userId: UserId) {
        while (true) {
          const inbox = new LiveInbox(userId, epoch.current())
          yield* bus.subscribe(
            userId,
            (event) => inbox.offer(event),
            (frame) => inbox.pass(frame)
          )
          const found = yield* repo.find(userId)
          epoch.observe(found.epoch)
          // The channel is one of the epoch: an inbox of another is to be heard on another.
          if (found.epoch !== inbox.epoch) continue
          inbox.username = found.username
          inbox.learn(found.head, found.pruned)
          yield* Effect.acquireRelease(
            Effect.sync(() => opened.set(userId, inbox)),
            () => Effect.sync(() => opened.get(userId) === inbox && opened.delete(userId))
          )
          return inbox
        }
      })
      const inboxes = yield* RcMap.make({ lookup })

      // Numbers of the former history say nothing in this one. Whoever follows an inbox still has it, and gives it up.
      const changes = yield* epoch.changes
      yield* PubSub.take(changes).pipe(
        Effect.andThen(
          Effect.suspend(() => {
            opened.clear()
            return RcMap.keys(inboxes)
          })
        ),
        Effect.flatMap((userIds) =>
          Effect.forEach(userIds, (userId) => RcMap.invalidate(inboxes, userId), { discard: true })
        ),
        Effect.forever,
        Effect.forkScoped
      )

      /**
       * Takes in what a query says of an inbox whose head was `headBefore` when the query was sent. What is known is committed:
       * a database that has less went back, without its epoch telling so.
       */
      const learn = (inbox: LiveInbox, headBefore: number, bounds: Bounds) => {
        epoch.observe(bounds.epoch)
        if (bounds.epoch !== inbox.epoch) return Effect.void
        inbox.learn(bounds.head, bounds.pruned)
        if (bounds.head >= headBefore) return Effect.void
        return Effect.andThen(
          Effect.logError(
            `The database went back: the inbox of user ${inbox.userId} ends at ${bounds.head}, and had event ${headBefore} before. A new epoch begins`
          ),
          epoch.renew(inbox.epoch)
        )
      }

      const sweepBatch = Effect.fnUntraced(function* (userIds: ReadonlyArray<UserId>) {
        const before = new Map(
          userIds.flatMap((userId) => {
            const inbox = opened.get(userId)
            return inbox === undefined ? [] : [[userId, { inbox, head: inbox.head }] as const]
          })
        )
        for (const bounds of yield* repo.heads(userIds)) {
          const known = before.get(bounds.userId)
          if (known !== undefined) yield* learn(known.inbox, known.head, bounds)
        }
      })

      const sweep = Effect.suspend(() => {
        const userIds = [...opened.keys()]
        const batches = Array.from({ length: Math.ceil(userIds.length / SWEEP_BATCH) }, (_, i) =>
          userIds.slice(i * SWEEP_BATCH, (i + 1) * SWEEP_BATCH)
        )
        // Without the database there is nothing to catch up with. When it is back, whoever sent while it went away
        // may not know what was committed: the next sweep is due at once, not after a whole interval.
        return Effect.forEach(batches, sweepBatch, { discard: true }).pipe(
          Effect.tapCause(() => Effect.sync(() => (sinceSweep = Number.POSITIVE_INFINITY))),
          Effect.ignoreCause
        )
      })

      // The first sweep follows at once on Redis going away: an event may be on its way already.
      let wasUp = true
      let sinceSweep = 0
      yield* Effect.suspend(() => {
        sinceSweep += Duration.toMillis(TICK)
        const isUp = bus.isUp()
        const justWentAway = wasUp && !isUp
        wasUp = isUp
        const interval = Duration.toMillis(isUp ? SWEEP_INTERVAL : SWEEP_INTERVAL_AWAY)
        if (!justWentAway && sinceSweep < interval) return Effect.void
        sinceSweep = 0
        for (const inbox of opened.values()) inbox.forgetOld()
        return sweep
      }).pipe(Effect.repeat(Schedule.spaced(TICK)), Effect.forkScoped)

      const recovered = yield* bus.recoveries
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(PubSub.take(recovered), sweep)))

      return LiveInboxes.of({
        open: (userId, since = 0) =>
          Effect.tap(RcMap.get(inboxes, userId), (inbox) =>
            since <= inbox.head
              ? Effect.void
              : Effect.suspend(() => {
                  const { head } = inbox
                  return Effect.flatMap(repo.find(userId), (bounds) => learn(inbox, head, bounds))
                })
          ),
        offer: ({ userId, event }) => {
          const inbox = opened.get(userId)
          if (inbox !== undefined && event.seq === inbox.head + 1) inbox.offer(event)
        },
        size: Effect.sync(() => opened.size)
      })
    })
  )
}
