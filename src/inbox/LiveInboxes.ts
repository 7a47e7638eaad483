import {
  Clock,
  Context,
  Duration,
  Effect,
  Latch,
  Layer,
  Logger,
  Metric,
  PubSub,
  RcMap,
  References,
  Scope
} from "effect"
import type { AddressedEvent } from "../domain/Event.ts"
import { atTicks } from "../domain/Timing.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { afterEachChange, Epoch } from "../Epoch.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { type Bounds, InboxRepo } from "../repo/InboxRepo.ts"
import { LiveInbox } from "./LiveInbox.ts"

/** How often the heads of all inboxes in use are compared with the database, in case Redis lost an event. */
const SWEEP_INTERVAL = Duration.seconds(10)

/** The same while Redis is unavailable: events then arrive by the sweep alone. */
const SWEEP_INTERVAL_WITHOUT_REDIS = Duration.seconds(1)

const TICK = Duration.millis(250)

/** For how long inboxes that unsigned payloads name are gathered, to be looked up by one query. */
const LOOK_INTERVAL = Duration.millis(20)

/**
 * The context that an inbox is opened in. The finalizers of an inbox keep it as long as the inbox is open: with all services and the
 * request that opened the inbox, it takes 2 KiB more (bench/README.md, "What comments quote").
 */
const ofInbox = (context: Context.Context<Scope.Scope>): Context.Context<Scope.Scope> =>
  Context.pick(
    Scope.Scope,
    Clock.Clock,
    Logger.CurrentLoggers,
    References.MinimumLogLevel,
    Metric.MetricRegistry
  )(context)

/** How many inboxes one query of a sweep covers. */
const SWEEP_BATCH = 5000

/**
 * The inboxes that sockets and long polls of this node follow. Each inbox is opened once, however many follow it. It is closed,
 * with its subscription to the bus, when the last follower's scope closes.
 */
export class LiveInboxes extends Context.Service<
  LiveInboxes,
  {
    /**
     * Follows a user's inbox until the scope closes. From then on its head reaches every event that is committed.
     * A client may have got an event from another node that this node did not receive yet: a head that is behind `since`
     * is looked up again.
     */
    open(userId: UserId, since?: number): Effect.Effect<LiveInbox, UserNotFound | Unavailable, Scope.Scope>
    /**
     * Delivers an event that this node committed to this node's sockets, ahead of the bus. Ignores an event that is not the next
     * of an open inbox: the bus or a sweep delivers it, after the events before it. Answers whether it was delivered; the sockets and
     * polls of an open inbox get the event in any case.
     */
    offer(addressed: AddressedEvent): "delivered" | "open" | "closed"
    /** How many inboxes are open. */
    readonly size: Effect.Effect<number>
  }
>()("minichat/inbox/LiveInboxes") {
  static readonly layer = Layer.effect(
    LiveInboxes,
    Effect.gen(function* () {
      const bus = yield* RedisBus
      const repo = yield* InboxRepo
      const epoch = yield* Epoch
      const opened = new Map<UserId, LiveInbox>()
      /** How often events may have been lost on the way: as often, all opened inboxes are compared with the database. */
      let recoveries = 0
      /** The users whose inboxes have a new event by an unsigned payload, which anyone who reaches Redis can publish. */
      const claims = new Set<UserId>()
      /** Open while there are claims: a loop that looked for some each time would wake an idle server. */
      const hasClaims = Latch.makeUnsafe(false)
      const claim = (userId: UserId) => {
        claims.add(userId)
        hasClaims.openUnsafe()
      }

      // Subscribe first, look up second: an event that is committed between the two then arrives over the bus.
      const lookup = Effect.fnUntraced(function* (userId: UserId) {
        while (true) {
          const inbox = new LiveInbox(userId, epoch.current())
          yield* bus.subscribe(userId, {
            onEvent: (event) => inbox.offer(event),
            onPassing: (frame) => inbox.pass(frame),
            onClaim: () => claim(userId),
            isNews: (seq) => seq > inbox.head
          })
          const recoveriesBefore = recoveries
          const found = yield* repo.find(userId)
          epoch.observe(found.epoch)
          // The channel's name holds the epoch that was current before: subscribe again under the epoch that was found.
          if (found.epoch !== inbox.epoch) continue
          // The sweep after a recovery does not know this inbox yet.
          if (recoveries !== recoveriesBefore) continue
          inbox.username = found.username
          inbox.learn(found.head, found.pruned)
          yield* Effect.acquireRelease(
            Effect.sync(() => opened.set(userId, inbox)),
            () => Effect.sync(() => opened.get(userId) === inbox && opened.delete(userId))
          )
          return inbox
        }
      })
      const inboxes = yield* RcMap.make({
        lookup: (userId: UserId) => Effect.updateContext(lookup(userId), ofInbox)
      }).pipe(Effect.updateContext(ofInbox))

      // Numbers of the former history mean nothing in the new one: later calls open the inboxes anew. A follower keeps the former
      // inbox until its own scope closes.
      yield* afterEachChange(
        epoch,
        Effect.suspend(() => {
          opened.clear()
          return Effect.flatMap(RcMap.keys(inboxes), (userIds) =>
            Effect.forEach(userIds, (userId) => RcMap.invalidate(inboxes, userId), { discard: true })
          )
        })
      )

      /**
       * Takes the bounds that a query read of an inbox whose head was `headBefore` when the query was sent. A node only knows heads
       * that are committed: a lower head in the database means that it lost commits, though its epoch did not change.
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
        // A send whose connection to the database broke may be committed, and no node published it. After a failed sweep, the next
        // one is due at the next tick, so that its event is found as soon as the database answers.
        return Effect.forEach(batches, sweepBatch, { discard: true }).pipe(
          Effect.tapCause(() => Effect.sync(() => (sinceSweep = Number.POSITIVE_INFINITY))),
          Effect.ignoreCause
        )
      })

      // A payload of an event that is not committed costs this look-up, and shows nothing.
      const lookUpClaims = Effect.suspend(() => {
        const userIds = [...claims].slice(0, SWEEP_BATCH)
        for (const userId of userIds) claims.delete(userId)
        if (claims.size === 0) hasClaims.closeUnsafe()
        return Effect.ignoreCause(sweepBatch(userIds))
      })
      yield* hasClaims.await.pipe(
        Effect.andThen(Effect.sleep(LOOK_INTERVAL)),
        Effect.andThen(lookUpClaims),
        Effect.forever,
        Effect.forkScoped
      )

      // Sweep as soon as Redis becomes unavailable: an event that was published just then may be lost.
      let wasUp = true
      let sinceSweep = 0
      yield* Effect.suspend(() => {
        sinceSweep += Duration.toMillis(TICK)
        const isUp = bus.isUp()
        const justWentDown = wasUp && !isUp
        wasUp = isUp
        const interval = Duration.toMillis(isUp ? SWEEP_INTERVAL : SWEEP_INTERVAL_WITHOUT_REDIS)
        if (!justWentDown && sinceSweep < interval) return Effect.void
        sinceSweep = 0
        for (const inbox of opened.values()) inbox.forgetOld()
        return sweep
      }).pipe(Effect.repeat(atTicks(TICK)), Effect.forkScoped)

      const recovered = yield* bus.recoveries
      yield* PubSub.take(recovered).pipe(
        Effect.andThen(
          Effect.suspend(() => {
            recoveries++
            return sweep
          })
        ),
        Effect.forever,
        Effect.forkScoped
      )

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
        offer: (addressed) => {
          const inbox = opened.get(addressed.userId)
          if (inbox === undefined) return "closed"
          const { event } = addressed
          if (event.seq !== inbox.head + 1) return "open"
          inbox.offer(event)
          return "delivered"
        },
        size: Effect.sync(() => opened.size)
      })
    })
  )
}
