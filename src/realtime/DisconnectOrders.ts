import { Duration, Effect, FiberSet, Layer } from "effect"
import { Disconnects } from "../access/Disconnects.ts"
import { CloseCode, SUSPENDED } from "../api/CloseCode.ts"
import { type Disconnect, ERASED } from "../domain/Disconnect.ts"
import { atTicks, monotonicMillis } from "../domain/Timing.ts"
import { afterEachChange, Epoch } from "../Epoch.ts"
import { Sessions } from "../presence/Sessions.ts"
import { DisconnectRepo } from "../repo/DisconnectRepo.ts"
import { ConnectionRegistry } from "./ConnectionRegistry.ts"

/** How often the orders of other nodes are read. */
const READ_EVERY = Duration.seconds(1)

/** An order may be committed this long after its `ordered_at`. */
const COMMITTED_WITHIN = Duration.seconds(30)

const closeCodeOf = (order: Disconnect): CloseCode =>
  Object.values(CloseCode).find(({ code }) => code === order.closeCode) ?? CloseCode.disconnected

/**
 * Carries out the orders to disconnect users and to suspend them, those of other nodes within about a second. They are read from the
 * database and not sent over Redis, which may lose one. All of them are read before the server serves.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const repo = yield* DisconnectRepo
    const disconnects = yield* Disconnects
    const registry = yield* ConnectionRegistry
    const sessions = yield* Sessions
    const run = yield* FiberSet.makeRuntime<never>()

    // Reads from before: an order may be committed while all of them are read.
    let readAt = yield* monotonicMillis
    const all = Effect.eventually(Effect.tapError(repo.all, () => Effect.sleep(READ_EVERY)))
    disconnects.learn(yield* all)
    // A restored database assigns the ids of users a second time, and may lack orders. All sockets are closed then.
    yield* afterEachChange(
      yield* Epoch,
      Effect.map(all, (orders) => disconnects.replace(orders))
    )
    // A socket that is registered later is checked by `ConnectionRegistry.register`.
    yield* disconnects.listen((orders) => {
      const now = performance.now()
      const byUser = new Map(orders.map((order) => [order.userId, order]))
      // Of a user who closed the last socket before this node knew of the erasure, the time of that is kept as the last seen.
      for (const { userId, closeCode } of orders) if (closeCode === ERASED) run(sessions.forget(userId))
      registry.closeOf([...byUser.keys()], ({ inbox, openedAt, credential }) => {
        const order = byUser.get(inbox.userId)!
        if (order.isSuspended) return SUSPENDED
        if (openedAt <= now - order.age || order.closeCode === ERASED) return closeCodeOf(order)
        // It was opened after the order and before this node knew of it, with a token that the order took back.
        return disconnects.refuses(credential) ? CloseCode.unauthorized : undefined
      })
    })

    yield* Effect.gen(function* () {
      const now = yield* monotonicMillis
      const since = Duration.sum(Duration.millis(Math.max(0, now - readAt)), COMMITTED_WITHIN)
      disconnects.learn(yield* repo.latest(since))
      readAt = now
    }).pipe(Effect.ignoreCause, Effect.repeat(atTicks(READ_EVERY)), Effect.forkScoped)
  })
)
