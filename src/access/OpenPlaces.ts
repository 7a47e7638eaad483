import { Context, Effect, Layer } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { TooManyPlaces } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"

/**
 * Counts the sockets and the long polls of this node together: each holds a connection, a live inbox and memory as long as its client
 * wants. A place is refused when this node has `MAX_SOCKETS`, or the user `MAX_SOCKETS_PER_USER`.
 */
export class OpenPlaces extends Context.Service<
  OpenPlaces,
  {
    /** Takes a place for a long poll of a user until `releasePoll`. */
    takePoll(userId: UserId): Effect.Effect<void, TooManyPlaces>
    releasePoll(userId: UserId): void
    /**
     * Takes a place for a socket until `releaseSocket`, and answers how many sockets the user has on this node then.
     * `elsewhere` is how many sockets the user has on other nodes.
     */
    takeSocket(userId: UserId, elsewhere: number): Effect.Effect<number, TooManyPlaces>
    /** Gives the place of a socket back, and answers how many sockets the user has left on this node. */
    releaseSocket(userId: UserId): number
    /** How many sockets a user has on this node. */
    socketsOf(userId: UserId): number
  }
>()("minichat/access/OpenPlaces") {
  static readonly layer = Layer.effect(
    OpenPlaces,
    Effect.gen(function* () {
      const { maxSockets, maxSocketsPerUser } = yield* AppConfig
      const sockets = new UserCounts()
      const polls = new UserCounts()

      const take = (counts: UserCounts, userId: UserId, elsewhere: number) =>
        Effect.suspend(() => {
          if (sockets.total + polls.total >= maxSockets) {
            return Effect.fail(new TooManyPlaces({ of: "node" }))
          }
          if (sockets.of(userId) + polls.of(userId) + elsewhere >= maxSocketsPerUser) {
            return Effect.fail(new TooManyPlaces({ of: "user" }))
          }
          return Effect.succeed(counts.change(userId, 1))
        })

      return OpenPlaces.of({
        takePoll: (userId) => Effect.asVoid(take(polls, userId, 0)),
        releasePoll: (userId) => {
          polls.change(userId, -1)
        },
        takeSocket: (userId, elsewhere) => take(sockets, userId, elsewhere),
        releaseSocket: (userId) => sockets.change(userId, -1),
        socketsOf: (userId) => sockets.of(userId)
      })
    })
  )
}

/** A number for each user; none is kept for zero. */
class UserCounts {
  private readonly byUser = new Map<UserId, number>()
  total = 0

  of(userId: UserId): number {
    return this.byUser.get(userId) ?? 0
  }

  change(userId: UserId, by: 1 | -1): number {
    const count = this.of(userId) + by
    this.total += by
    if (count === 0) this.byUser.delete(userId)
    else this.byUser.set(userId, count)
    return count
  }
}
