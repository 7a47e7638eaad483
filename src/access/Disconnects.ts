import { Context, Effect, Layer, type Scope } from "effect"
import type { Credential } from "../domain/Caller.ts"
import { type Disconnect, ERASED } from "../domain/Disconnect.ts"
import type { UserId } from "../domain/User.ts"

type Listener = (orders: ReadonlyArray<Disconnect>) => void

/**
 * An order that is not kept is deleted from memory at this age. `DisconnectOrders` reads recent orders only, so it does not read it
 * again. In milliseconds.
 */
const MAX_AGE = 120_000

/** Whether an order stays in memory until the next one of its user: it takes tokens back, or the user is erased or suspended. */
const isKept = ({ tokensNotBefore, closeCode, isSuspended }: Disconnect) =>
  tokensNotBefore !== undefined || isSuspended || closeCode === ERASED

/**
 * The last order to disconnect each user, with whether the user is suspended. `DisconnectOrders` adds all of them before the server
 * serves, and new ones within about a second.
 */
export class Disconnects extends Context.Service<
  Disconnects,
  {
    /** Whether a member's token was taken back: it was issued before that, or has no time of issue. Looks into a map only. */
    refuses(credential: Credential): boolean
    /** Whether a user is erased. */
    isErased(userId: UserId): boolean
    /** Whether a user is suspended. Looks into a set only. */
    isSuspended(userId: UserId): boolean
    /** Adds orders, and calls the listeners with the new ones. `orders` has at most one of each user. */
    learn(orders: ReadonlyArray<Disconnect>): void
    /** Takes these for the orders of all users and forgets every other one, without a call of the listeners. */
    replace(orders: ReadonlyArray<Disconnect>): void
    /** Calls a listener with the new orders of each `learn`, until the scope closes. */
    listen(listener: Listener): Effect.Effect<void, never, Scope.Scope>
  }
>()("minichat/access/Disconnects") {
  static readonly layer = Layer.sync(Disconnects, () => {
    const last = new Map<UserId, Disconnect>()
    const suspended = new Set<UserId>()
    const listeners = new Set<Listener>()

    return Disconnects.of({
      refuses: ({ caller, issuedAt }) => {
        if (caller._tag !== "Member" || last.size === 0) return false
        const notBefore = last.get(caller.userId)?.tokensNotBefore
        return notBefore !== undefined && (issuedAt === undefined || issuedAt < notBefore)
      },
      isErased: (userId) => last.get(userId)?.closeCode === ERASED,
      isSuspended: (userId) => suspended.has(userId),
      learn: (orders) => {
        const news: Array<Disconnect> = []
        for (const order of orders) {
          const { isSuspended } = order
          const known = last.get(order.userId)
          if (known !== undefined && known.orderedAt > order.orderedAt) continue
          // A suspension may commit while the query of an order runs. The query then says that the user is not suspended, and the
          // next read of the same order says that it is: the later read wins.
          if (isSuspended) suspended.add(order.userId)
          else suspended.delete(order.userId)
          if (known?.orderedAt === order.orderedAt && known.isSuspended === isSuspended) continue
          if (isKept(order) || order.age < MAX_AGE) last.set(order.userId, order)
          news.push(order)
        }
        if (news.length > 0) for (const listener of listeners) listener(news)
        const databaseNow = orders.reduce(
          (latest, { orderedAt, age }) => Math.max(latest, orderedAt + age),
          0
        )
        for (const [userId, order] of last) {
          if (!isKept(order) && databaseNow - order.orderedAt > MAX_AGE) last.delete(userId)
        }
      },
      replace: (orders) => {
        last.clear()
        suspended.clear()
        for (const order of orders) {
          last.set(order.userId, order)
          if (order.isSuspended) suspended.add(order.userId)
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
