import { Effect } from "effect"
import type { AppendedFact, Change } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { EventPublisher } from "../inbox/EventPublisher.ts"
import { span } from "../observability/Spans.ts"

/** The parts of every change: its transaction, and the publishing of its events. */
export const committing = span("commit")
export const publishing = span("publish", { kind: "producer" })

/** What a change answers, and how many inboxes its events were appended to: by that a rate is charged. */
export interface Counted<A> {
  readonly value: A
  readonly inboxes: number
}

/**
 * Commits a change, publishes its events, then reads its answer. An interruption waits for the first two. Events are published also
 * when the answer cannot be read. Those of an edit and of a deletion hold the message: when it cannot be read after the commit either,
 * the change fails, and each node finds the events by its next sweep of the inboxes, as those of a node that was killed.
 */
export const committed =
  (publisher: EventPublisher["Service"]) =>
  <A, E, Unread = never>(
    change: Effect.Effect<Change<A, Unread>, E>
  ): Effect.Effect<Counted<A>, E | Unread | Unavailable> =>
    committing(change).pipe(
      Effect.tap(({ appended }) =>
        appended.length === 0 ? Effect.void : publishing(publisher.publish(appended))
      ),
      Effect.uninterruptible,
      Effect.flatMap(({ value, appended }) =>
        Effect.map(value, (value) => ({ value, inboxes: inboxesOf(appended) }))
      )
    )

const inboxesOf = (appended: ReadonlyArray<AppendedFact>) =>
  appended.reduce((sum, { places }) => sum + places.length, 0)

/** What a change answers, for one that is not charged by its inboxes. */
export const valueOf = <A, E>(change: Effect.Effect<Counted<A>, E>): Effect.Effect<A, E> =>
  Effect.map(change, ({ value }) => value)
