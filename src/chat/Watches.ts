import { Clock, Context, DateTime, Duration, Effect, Layer, Option, RcRef, type Scope } from "effect"
import { atTicks } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import { encodePassing } from "../inbox/Passing.ts"
import { type Presence, Sessions } from "../presence/Sessions.ts"

/** How long a user is offline before watchers are notified, so that a reload of a page does not show. In milliseconds. */
const OFFLINE_AFTER = Duration.toMillis("3 seconds")

const TICK = Duration.millis(500)

/** In how many ticks every watched user is looked up once, in case a transition was lost or a node was killed. */
const ROUND = 10

/** How many users one tick looks up at most. With more than ten times as many watched users a round takes longer. */
const LOOK_UPS = 500

/** The socket that watches. */
export interface Watcher {
  /** Sends a frame. Answers false when its peer does not read: the frame is dropped, and a later one replaces it. */
  readonly pass: (frame: Uint8Array) => boolean
}

/** The users that one socket watches, and those whose last frame was dropped because its peer did not read. */
interface Watch {
  readonly watcher: Watcher
  users: ReadonlySet<UserId>
  readonly missed: Set<UserId>
}

interface Watched {
  readonly watches: Set<Watch>
  /** The presence that watchers were sent last; none before it is known. */
  sent: { readonly isOnline: boolean; readonly frame: Uint8Array } | undefined
  /** When a user went offline that watchers still see online; none while it is online. In milliseconds. */
  offlineSince: number | undefined
}

/**
 * Sends sockets the presence of the users that they watch.
 *
 * Guarantee: watchers are notified at once that a user came online, and 3 to 4 s after its last socket closed that it went
 * offline; within 10 s when Redis lost the transition, and within 45 s when the user's node was killed. A socket whose peer does
 * not read is sent the latest presence when it reads again. While Redis is unavailable no user is sent as
 * offline, but those who are watched anew and have no socket on this node.
 */
export class Watches extends Context.Service<
  Watches,
  {
    /**
     * Opens a watch of one socket, which ends when the scope closes. Returns a function that replaces the watched users, and
     * sends the socket the presence of each.
     */
    open(
      watcher: Watcher
    ): Effect.Effect<(userIds: ReadonlyArray<UserId>) => Effect.Effect<void>, never, Scope.Scope>
    /** How many users are watched. */
    readonly size: Effect.Effect<number>
  }
>()("minichat/chat/Watches") {
  static readonly layer = Layer.effect(
    Watches,
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const watched = new Map<UserId, Watched>()
      const behind = new Set<Watch>()
      const goingOffline = new Set<UserId>()

      const hand = (watch: Watch, userId: UserId, frame: Uint8Array) => {
        if (watch.watcher.pass(frame)) return
        watch.missed.add(userId)
        behind.add(watch)
      }

      const notify = (userId: UserId, entry: Watched, isOnline: boolean, lastSeen: string | null) => {
        const frame = encodePassing({
          type: "presence",
          user_id: userId,
          online: isOnline,
          last_seen: lastSeen
        })
        entry.sent = { isOnline, frame }
        for (const watch of entry.watches) hand(watch, userId, frame)
      }

      const isOnlineNow = (userId: UserId, entry: Watched, now: number) => {
        entry.offlineSince = undefined
        if (entry.sent?.isOnline !== true) notify(userId, entry, true, isoOf(now))
      }

      /** Notifies no watcher yet: a look-up after `OFFLINE_AFTER` has to confirm it. */
      const isOfflineNow = (userId: UserId, entry: Watched, now: number) => {
        entry.offlineSince ??= now
        goingOffline.add(userId)
      }

      /** Applies the result of a look-up that began when `offlineSince` was `before`. */
      const learn = (
        userId: UserId,
        entry: Watched,
        presence: Presence,
        before: number | undefined,
        now: number
      ) => {
        // It came online, or went offline anew, during the look-up.
        if (entry.offlineSince !== before) return
        if (presence.connections > 0) return isOnlineNow(userId, entry, now)
        if (entry.sent?.isOnline === false) return
        const lastSeen = Option.map(presence.lastSeen, DateTime.toEpochMillis)
        // A user without watchers until now is sent as offline at once, unless it went offline just now.
        const isNews = entry.sent === undefined && !Option.exists(lastSeen, (at) => now - at < OFFLINE_AFTER)
        if (isNews || (before !== undefined && now - before >= OFFLINE_AFTER)) {
          entry.offlineSince = undefined
          return notify(userId, entry, false, Option.getOrNull(Option.map(lastSeen, isoOf)))
        }
        isOfflineNow(userId, entry, now)
        if (entry.sent === undefined)
          notify(userId, entry, true, Option.getOrNull(Option.map(lastSeen, isoOf)))
      }

      const lookUp = Effect.fnUntraced(function* (userIds: ReadonlyArray<UserId>) {
        if (userIds.length === 0) return
        const before = userIds.map((userId) => watched.get(userId)?.offlineSince)
        const { presences, isComplete } = yield* sessions.survey(userIds)
        const now = yield* Clock.currentTimeMillis
        for (const [i, userId] of userIds.entries()) {
          const entry = watched.get(userId)
          if (entry === undefined) continue
          const presence = presences[i]!
          // Without Redis only the sockets of this node are known: no user goes offline by that.
          if (!isComplete && presence.connections === 0 && entry.sent !== undefined) continue
          learn(userId, entry, presence, before[i], now)
        }
      })

      // The node listens to transitions while a user is watched.
      const clock = yield* Clock.Clock
      const transitions = yield* RcRef.make({
        acquire: sessions.transitions((userId, isOnline) => {
          const entry = watched.get(userId)
          if (entry === undefined) return
          const now = clock.currentTimeMillisUnsafe()
          if (isOnline) isOnlineNow(userId, entry, now)
          else if (entry.sent?.isOnline === true) isOfflineNow(userId, entry, now)
        })
      })

      let round = watched.keys()
      const nextOfRound = (count: number): ReadonlyArray<UserId> => {
        const users: Array<UserId> = []
        while (users.length < count) {
          const next = round.next()
          if (next.done) {
            round = watched.keys()
            break
          }
          users.push(next.value)
        }
        return users
      }

      const tick = Effect.gen(function* () {
        // A copy: a socket that still does not read is added again.
        for (const watch of [...behind]) {
          const missed = [...watch.missed]
          watch.missed.clear()
          behind.delete(watch)
          for (const userId of missed) {
            const sent = watched.get(userId)?.sent
            if (sent !== undefined) hand(watch, userId, sent.frame)
          }
        }
        if (watched.size === 0) return
        const now = yield* Clock.currentTimeMillis
        const due: Array<UserId> = []
        for (const userId of goingOffline) {
          const since = watched.get(userId)?.offlineSince
          if (since === undefined) goingOffline.delete(userId)
          else if (now - since >= OFFLINE_AFTER) due.push(userId)
        }
        const count = Math.min(LOOK_UPS, Math.ceil(watched.size / ROUND))
        yield* lookUp([...new Set([...due.slice(0, LOOK_UPS), ...nextOfRound(count)])])
      })
      yield* tick.pipe(Effect.repeat(atTicks(TICK)), Effect.forkScoped)

      const leave = (watch: Watch, userId: UserId) => {
        const entry = watched.get(userId)
        entry?.watches.delete(watch)
        if (entry?.watches.size === 0) watched.delete(userId)
        watch.missed.delete(userId)
      }

      const set = Effect.fnUntraced(function* (watch: Watch, userIds: ReadonlyArray<UserId>) {
        const users = new Set(userIds)
        for (const userId of watch.users) if (!users.has(userId)) leave(watch, userId)
        watch.users = users
        const unknown: Array<UserId> = []
        for (const userId of users) {
          const entry = watched.get(userId) ?? {
            watches: new Set(),
            sent: undefined,
            offlineSince: undefined
          }
          watched.set(userId, entry)
          entry.watches.add(watch)
          if (entry.sent === undefined) unknown.push(userId)
          else hand(watch, userId, entry.sent.frame)
        }
        yield* lookUp(unknown)
      })

      return Watches.of({
        open: Effect.fnUntraced(function* (watcher) {
          yield* RcRef.get(transitions)
          const watch: Watch = { watcher, users: new Set(), missed: new Set() }
          yield* Effect.addFinalizer(() =>
            Effect.sync(() => {
              for (const userId of watch.users) leave(watch, userId)
              behind.delete(watch)
            })
          )
          return (userIds) => set(watch, userIds)
        }),
        size: Effect.sync(() => watched.size)
      })
    })
  )
}

const isoOf = (at: number) => DateTime.formatIso(DateTime.makeUnsafe(at))
