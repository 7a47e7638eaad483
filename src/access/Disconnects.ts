import { Context, Effect, Layer, type Scope } from "effect"
import type { Credential } from "../domain/Caller.ts"
import { type Disconnect, ERASED } from "../domain/Disconnect.ts"
import type { UserId } from "../domain/User.ts"

type Listener = (orders: ReadonlyArray<Disconnect>) => void

/** An order that takes no tokens back is dropped when it is older than this: it is not read a second time. In milliseconds. */
const FORGOTTEN_AFTER = 120_000

/** Whether an order is kept for ever: it takes tokens back, or belongs to an erasure or a suspension. */
const isKept = ({ tokensNotBefore, closeCode, isSuspended }: Disconnect) =>
  tokensNotBefore !== undefined || isSuspended || closeCode === ERASED

/**
 * The orders to disconnect users, each with whether the user is suspended. From its start on a node knows all tokens that were taken
 * back and all suspensions; it learns of a new order within about a second.
 */
export class Disconnects extends Context.Service<
  Disconnects,
  {
    /** Whether the token of a credential was taken back. Looks into a map only. */
    refuses(credential: Credential): boolean
    /** Whether a user is erased. */
    isErased(userId: UserId): boolean
    /** Whether a user is suspended. Looks into a set only. */
    isSuspended(userId: UserId): boolean
    /** Adds orders, at most one of each user, and calls the listeners with the new ones. */
    learn(orders: ReadonlyArray<Disconnect>): void
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
          // An order that was committed during a suspension may have been read as of before it.
          if (isSuspended) suspended.add(order.userId)
          else suspended.delete(order.userId)
          if (known?.orderedAt === order.orderedAt && known.isSuspended === isSuspended) continue
          if (isKept(order) || order.age < FORGOTTEN_AFTER) last.set(order.userId, order)
          news.push(order)
        }
        if (news.length > 0) for (const listener of listeners) listener(news)
        const now = orders.reduce((latest, { orderedAt, age }) => Math.max(latest, orderedAt + age), 0)
        for (const [userId, order] of last) {
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
