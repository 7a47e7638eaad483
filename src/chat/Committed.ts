import { Effect } from "effect"
import type { Change } from "../domain/Event.ts"
import type { EventPublisher } from "../inbox/EventPublisher.ts"
import { span } from "../observability/Spans.ts"

/** The parts of every change: its transaction, and the publishing of its events. */
export const committing = span("commit")
export const publishing = span("publish", { kind: "producer" })

/**
 * Commits changes, then publishes their events; answers once both are done. An interruption waits: what is committed is always
 * published.
 */
export const committed =
  (publisher: EventPublisher["Service"]) =>
  <A, E>(change: Effect.Effect<Change<A>, E>): Effect.Effect<Change<A>, E> =>
    committing(change).pipe(
      Effect.tap(({ appended }) =>
        appended.length === 0 ? Effect.void : publishing(publisher.publish(appended))
      ),
      Effect.uninterruptible
    )

/** What a committed change answers, and how many inboxes its events were appended to. */
export interface Told<A> {
  readonly value: A
  readonly inboxes: number
}

/** For changes that cost by how many they tell. */
export const toldBy = <A, E>(change: Effect.Effect<Change<A>, E>): Effect.Effect<Told<A>, E> =>
  Effect.map(change, ({ value, appended }) => ({
    value,
    inboxes: appended.reduce((sum, { places }) => sum + places.length, 0)
  }))

/** What a change answers to who asked for it. */
export const valueOf = <A, E>(change: Effect.Effect<Change<A>, E>): Effect.Effect<A, E> =>
  Effect.map(change, ({ value }) => value)
