import { Effect, PubSub } from "effect"
import type { AddressedEvent } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"
import { Metrics } from "../observability/Metrics.ts"
import type { Subscriber } from "./Subscriber.ts"

/** The bus of a node without Redis: it delivers within the process. */
export const makeMemoryBus = Effect.gen(function* () {
  const listeners = new Map<UserId, Subscriber>()
  const recovered = yield* PubSub.sliding<void>({ capacity: 1 })
  yield* (yield* Metrics).busUp(() => 1)
  return {
    publish: (events: ReadonlyArray<AddressedEvent>) =>
      Effect.sync(() =>
        events.map((addressed) => {
          const listener = listeners.get(addressed.userId)
          if (listener === undefined) return false
          const { event } = addressed
          if (listener.isNews?.(event.seq) !== false) listener.onEvent(event)
          return true
        })
      ),
    pass: (userIds: ReadonlyArray<UserId>, _type: string, frame: Uint8Array) =>
      Effect.sync(() => {
        for (const userId of userIds) listeners.get(userId)?.onPassing?.(frame)
      }),
    subscribe: (userId: UserId, subscriber: Subscriber) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            const listener = { ...subscriber }
            listeners.set(userId, listener)
            return listener
          }),
          (listener) =>
            Effect.sync(() => void (listeners.get(userId) === listener && listeners.delete(userId)))
        )
      ),
    followed: (userIds: ReadonlyArray<UserId>) =>
      Effect.sync(() => ({ followed: userIds.map((userId) => listeners.has(userId)), isComplete: true })),
    recoveries: PubSub.subscribe(recovered),
    isUp: () => true
  }
})
