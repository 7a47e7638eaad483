import { Effect, PubSub, type Scope } from "effect"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { Redis } from "../redis/Redis.ts"

/** Called when a user's first socket on a node opened, or its last one closed. */
export type OnTransition = (userId: UserId, isOnline: boolean) => void

/** The channel on which nodes announce that a user's first socket on a node opened, or that its last one closed. */
export interface Transitions {
  /** Does not wait for a reply of Redis. While Redis is unavailable only the listeners of this node are called. */
  announce(userId: UserId, isOnline: boolean): Effect.Effect<void>
  /** Calls `onTransition` until the scope closes. Answers once the subscription is in place, or at once while Redis is unavailable. */
  listen(onTransition: OnTransition): Effect.Effect<void, never, Scope.Scope>
}

const makeListeners = () => {
  const listeners = new Set<OnTransition>()
  return {
    listeners,
    notify: (userId: UserId, isOnline: boolean) => {
      for (const onTransition of listeners) onTransition(userId, isOnline)
    }
  }
}

/** For a node alone. */
export const makeLocalTransitions = (): Transitions => {
  const { listeners, notify } = makeListeners()
  return {
    announce: (userId, isOnline) => Effect.sync(() => notify(userId, isOnline)),
    listen: (onTransition) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => listeners.add(onTransition)),
          () => Effect.sync(() => listeners.delete(onTransition))
        )
      )
  }
}

/**
 * Over one channel of Redis, which a node subscribes to while it has a listener. A payload holds all transitions of a node in one
 * turn of the event loop, behind the epoch: the channels of Redis do not belong to one of its databases, and the payloads of
 * another deployment on the same Redis are to be ignored.
 */
export const makeTransitions = Effect.gen(function* () {
  const { batched, subscriber, sharded, isUp, recoveries, prefix } = yield* Redis
  const epoch = yield* Epoch
  const { listeners, notify } = makeListeners()
  const channel = `${prefix}presence`

  const onMessage = (channelName: Buffer, payload: Buffer) => {
    if (listeners.size === 0 || channelName.toString() !== channel) return
    const [saidEpoch, ...transitions] = payload.toString().split(" ")
    if (saidEpoch !== epoch.current()) return
    for (const transition of transitions) {
      const [, sign, id] = /^([+-])([1-9][0-9]*)$/.exec(transition) ?? []
      if (id !== undefined) notify(Number(id) as UserId, sign === "+")
    }
  }
  const messages = sharded ? "smessageBuffer" : "messageBuffer"
  yield* Effect.acquireRelease(
    Effect.sync(() => subscriber.on(messages, onMessage)),
    () => Effect.sync(() => subscriber.off(messages, onMessage))
  )

  // A command that fails here is one that the next recovery repeats.
  const subscribe = Effect.suspend(() =>
    Effect.tryPromise(() => (sharded ? subscriber.ssubscribe(channel) : subscriber.subscribe(channel)))
  ).pipe(Effect.timeoutOption("100 millis"), Effect.ignore)
  const unsubscribe = Effect.sync(() => {
    const done = sharded ? subscriber.sunsubscribe(channel) : subscriber.unsubscribe(channel)
    done.catch(() => {})
  })
  const recovered = yield* recoveries
  yield* PubSub.take(recovered).pipe(
    Effect.andThen(Effect.suspend(() => (listeners.size > 0 ? subscribe : Effect.void))),
    Effect.forever,
    Effect.forkScoped
  )

  const send = batched(async (redis, transitions: ReadonlyArray<string>) => {
    const payload = [epoch.current(), ...transitions].join(" ")
    await (sharded ? redis.spublish(channel, payload) : redis.publish(channel, payload))
    return transitions
  })

  const transitions: Transitions = {
    announce: (userId, isOnline) =>
      Effect.suspend(() =>
        isUp()
          ? Effect.asVoid(send(`${isOnline ? "+" : "-"}${userId}`))
          : Effect.sync(() => notify(userId, isOnline))
      ),
    listen: (onTransition) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.suspend(() => {
            listeners.add(onTransition)
            return isUp() ? subscribe : Effect.void
          }),
          () =>
            Effect.suspend(() => {
              listeners.delete(onTransition)
              return listeners.size === 0 ? unsubscribe : Effect.void
            })
        )
      )
  }
  return transitions
})
