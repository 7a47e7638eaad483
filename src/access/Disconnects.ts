import { Context, Effect, Layer, type Scope } from "effect"
import type { Credential } from "../domain/Caller.ts"
import { type Disconnect, ERASED } from "../domain/Disconnect.ts"
import type { UserId } from "../domain/User.ts"

type Listener = (order: Disconnect) => void

/** An order without tokens that is older than this is forgotten: nothing tells of it a second time. In milliseconds. */
const FORGOTTEN_AFTER = 120_000

/** Whether an order says something as long as there are tokens. */
const isKept = ({ tokensNotBefore, closeCode }: Disconnect) =>
  tokensNotBefore !== undefined || closeCode === ERASED

/**
 * The orders to disconnect users that this node knows. It knows all that took tokens back from its start on, and learns a new one
 * within about a second.
 */
export class Disconnects extends Context.Service<
  Disconnects,
  {
    /** Whether a credential is of a token that was taken back. Costs a look into a map. */
    refuses(credential: Credential): boolean
    /** Whether a user is erased. */
    isErased(userId: UserId): boolean
    /** Takes in orders, and tells the listeners of those that are new. */
    learn(orders: ReadonlyArray<Disconnect>): void
    /** Calls a listener with each new order, until the scope closes. */
    listen(listener: Listener): Effect.Effect<void, never, Scope.Scope>
  }
>()("minichat/access/Disconnects") {
  static readonly layer = Layer.sync(Disconnects, () => {
    const last = new Map<UserId, Disconnect>()
    const listeners = new Set<Listener>()

    return Disconnects.of({
      refuses: ({ caller, issuedAt }) => {
        if (caller._tag !== "Member" || last.size === 0) return false
        const notBefore = last.get(caller.userId)?.tokensNotBefore
        return notBefore !== undefined && (issuedAt === undefined || issuedAt < notBefore)
      },
      isErased: (userId) => last.get(userId)?.closeCode === ERASED,
      learn: (orders) => {
        for (const order of orders) {
          const known = last.get(order.userId)
          if (known !== undefined && known.orderedAt >= order.orderedAt) continue
          if (isKept(order) || order.age < FORGOTTEN_AFTER) last.set(order.userId, order)
          for (const listener of listeners) listener(order)
        }
        const now = Math.max(...orders.map(({ orderedAt, age }) => orderedAt + age))
        for (const [userId, order] of orders.length === 0 ? [] : last) {
          if (!isKept(order) && now - order.orderedAt > FORGOTTEN_AFTER) last.delete(userId)
        }
      },
      listen: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => void listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener))
        )
    })
  })
}
