import { Context, Effect, Layer, type Scope } from "effect"
import type { Credential } from "../domain/Caller.ts"
import { type Disconnect, ERASED } from "../domain/Disconnect.ts"
import type { UserId } from "../domain/User.ts"

type Listener = (orders: ReadonlyArray<Disconnect>) => void

/** An order that takes nothing back is forgotten when it is older than this: nothing tells of it a second time. In milliseconds. */
const FORGOTTEN_AFTER = 120_000

/** Whether an order says something as long as there are tokens. */
const isKept = ({ tokensNotBefore, closeCode, isSuspended }: Disconnect) =>
  tokensNotBefore !== undefined || isSuspended || closeCode === ERASED

/**
 * The orders to disconnect users that this node knows, and who is suspended, which each order tells too. It knows all tokens that
 * were taken back and all suspensions from its start on, and learns a new order within about a second.
 */
export class Disconnects extends Context.Service<
  Disconnects,
  {
    /** Whether a credential is of a token that was taken back. Costs a look into a map. */
    refuses(credential: Credential): boolean
    /** Whether a user is erased. */
    isErased(userId: UserId): boolean
    /** Whether a user is suspended. Costs a look into a set. */
    isSuspended(userId: UserId): boolean
    /** Takes in orders, at most one of each user, and tells the listeners of those that are new. */
    learn(orders: ReadonlyArray<Disconnect>): void
    /** Calls a listener with the new orders, all that were learnt together, until the scope closes. */
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
          // An order that was given beside a suspension may have been answered as of before it.
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
