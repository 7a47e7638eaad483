import { Context, Effect, Layer, type Scope } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { TooManyPlaces } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"

/**
 * Counts the sockets and the long polls of this node together: each keeps a connection, a live inbox and memory for as long
 * as its client likes.
 */
export class OpenPlaces extends Context.Service<
  OpenPlaces,
  {
    /**
     * Takes a place until the scope closes. Fails when this node has `MAX_SOCKETS`, or the user `MAX_SOCKETS_PER_USER`.
     * `elsewhere` is how many sockets the user has on other nodes.
     */
    take(userId: UserId, elsewhere: number): Effect.Effect<void, TooManyPlaces, Scope.Scope>
    /** How many places of this node a user has. */
    of(userId: UserId): number
  }
>()("minichat/access/OpenPlaces") {
  static readonly layer = Layer.effect(
    OpenPlaces,
    Effect.gen(function* () {
      const { maxSockets, maxSocketsPerUser } = yield* AppConfig
      const byUser = new Map<UserId, number>()
      let taken = 0

      const of = (userId: UserId) => byUser.get(userId) ?? 0

      const change = (userId: UserId, by: 1 | -1) => {
        taken += by
        const places = of(userId) + by
        if (places === 0) byUser.delete(userId)
        else byUser.set(userId, places)
      }

      return OpenPlaces.of({
        of,
        take: (userId, elsewhere) =>
          Effect.asVoid(
            Effect.acquireRelease(
              Effect.suspend(() => {
                if (taken >= maxSockets) return Effect.fail(new TooManyPlaces({ of: "node" }))
                if (of(userId) + elsewhere >= maxSocketsPerUser) {
                  return Effect.fail(new TooManyPlaces({ of: "user" }))
                }
                change(userId, 1)
                return Effect.void
              }),
              () => Effect.sync(() => change(userId, -1))
            )
          )
      })
    })
  )
}
