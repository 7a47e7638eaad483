import { Effect } from "effect"
import type { AppendedFact, Change } from "../domain/Event.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { EventPublisher } from "../inbox/EventPublisher.ts"
import { span } from "../observability/Spans.ts"
import { OlderNodes } from "../redis/OlderNodes.ts"

/** The parts of every change: its transaction, and the publishing of its events. */
export const committing = span("commit")
export const publishing = span("publish", { kind: "producer" })

/** What a change answers, and how many inboxes its events were appended to: by that a rate is charged. */
export interface Counted<A> {
  readonly value: A
  readonly inboxes: number
}

/**
 * Why a change is refused while nodes of release 1.0 run. They read the same inboxes, know no event but that of a direct message, and
 * leave out what they do not know: a client that reconnects to one would lose the change without a sign. To be removed with release 1.2.
 */
export const NOT_YET = new Unavailable({ dependency: "upgrade", cause: "nodes of release 1.0 run" })

/**
 * Commits a change, publishes its events, then reads its answer. Fails while nodes of release 1.0 run. An interruption waits for the
 * first two. Events are published also when the answer cannot be read. Those of an edit and of a deletion hold the message: when it
 * cannot be read after the commit either, the change fails, and each node finds the events by its next sweep of the inboxes, as those
 * of a node that was killed.
 */
export const committed = Effect.gen(function* () {
  const publisher = yield* EventPublisher
  const olderNodes = yield* OlderNodes
  return <A, E, Unread = never>(
    change: Effect.Effect<Change<A, Unread>, E>
  ): Effect.Effect<Counted<A>, E | Unread | Unavailable> =>
    Effect.suspend(
      (): Effect.Effect<Change<A, Unread>, E | Unavailable> =>
        olderNodes.run() ? Effect.fail(NOT_YET) : committing(change)
    ).pipe(
      Effect.tap(({ appended }) =>
        appended.length === 0 ? Effect.void : publishing(publisher.publish(appended))
      ),
      Effect.uninterruptible,
      Effect.flatMap(({ value, appended }) =>
        Effect.map(value, (value) => ({ value, inboxes: inboxesOf(appended) }))
      )
    )
})

const inboxesOf = (appended: ReadonlyArray<AppendedFact>) =>
  appended.reduce((sum, { places }) => sum + places.length, 0)

/** What a change answers, for one that is not charged by its inboxes. */
export const valueOf = <A, E>(change: Effect.Effect<Counted<A>, E>): Effect.Effect<A, E> =>
  Effect.map(change, ({ value }) => value)
