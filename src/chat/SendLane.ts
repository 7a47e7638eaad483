import { Deferred, Duration, Effect, Exit, Fiber, Queue, Semaphore, type Tracer } from "effect"
import type { Outcome } from "../domain/Send.ts"
import { Metrics } from "../observability/Metrics.ts"
import { currentSpan, spanOf } from "../observability/Spans.ts"

/**
 * How long a batch waits for the end of the one before it. Batches in sequence are larger, and concurrent ones wait for the locks of
 * the same inboxes. After this time the next batch starts all the same: the one before may wait for a lock that the next does not
 * need.
 */
const BATCH_PATIENCE = Duration.millis(50)

/** A lane rests no longer than this, however slow the database is. */
const LONGEST_REST = Duration.millis(50)

/** The most submissions in one batch. */
const BATCH_SIZE = 128

/** The most submissions in a lane; past that, senders wait to submit. */
const QUEUE_SIZE = 10_000

/**
 * About how many events a batch appends at most. It locks the inboxes of all receivers until it commits, and other sends to them wait:
 * one message to the largest group is a batch of its own.
 */
export const BATCH_EVENTS = 1000

/** Rests for a share of the time that a call took. */
export const restAfter = (took: Duration.Duration, share: number) =>
  Effect.sleep(Duration.min(Duration.times(took, share), LONGEST_REST))

/** Commits drafts, and answers each in its place. Those that are submitted together keep their order. */
export type Lane<D> = (drafts: ReadonlyArray<D>) => Effect.Effect<ReadonlyArray<Outcome>>

interface LaneOptions<D> {
  readonly commit: (drafts: ReadonlyArray<D>) => Effect.Effect<ReadonlyArray<Outcome>>
  /** How many batches are in the database at once. */
  readonly connections: number
  /** About how many events a draft appends. */
  readonly events: (draft: D) => number
  /** How long the lane rests after a batch, as a share of the time that the batch took. Without it, it does not rest. */
  readonly rest?: number
}

/**
 * A lane of sends: those that arrive while a batch is in the database, or while the lane rests, go together in the next one. Any other
 * send starts a batch at once.
 */
export const makeLane = Effect.fnUntraced(function* <D>({
  commit: send,
  connections: batches,
  events,
  rest = 0
}: LaneOptions<D>) {
  const metrics = yield* Metrics
  const queue = yield* Queue.bounded<Submission<D>>(QUEUE_SIZE)

  const commit = Effect.fnUntraced(function* (submissions: ReadonlyArray<Submission<D>>) {
    const drafts = submissions.flatMap(({ drafts }) => drafts)
    metrics.sendBatch(drafts.length)
    const exit = yield* send(drafts).pipe(batching(submissions), Effect.exit)
    let from = 0
    for (const { drafts, answer } of submissions) {
      const to = from + drafts.length
      const start = from
      // A defect fails the submissions of this batch only; the next batch is sent all the same.
      Deferred.doneUnsafe(
        answer,
        Exit.map(exit, (outcomes) => outcomes.slice(start, to))
      )
      from = to
    }
  })

  const commitAndRest = (submissions: ReadonlyArray<Submission<D>>) =>
    Effect.flatMap(Effect.timed(commit(submissions)), ([took]) => restAfter(took, rest))
  const work = rest === 0 ? commit : commitAndRest

  const eventsOf = ({ drafts }: Submission<D>) => drafts.reduce((sum, draft) => sum + events(draft), 0)

  const connections = yield* Semaphore.make(batches)
  let before: { readonly size: number; readonly fiber: Fiber.Fiber<void> } | undefined
  /** Taken from the queue, and not in a batch yet. */
  let taken: Array<Submission<D>> = []

  /** How many of those that are taken one batch has: those up to `BATCH_EVENTS` events, and the first one in any case. */
  const countOfBatch = () => {
    let count = 1
    let appended = eventsOf(taken[0]!)
    while (count < taken.length) {
      appended += eventsOf(taken[count]!)
      if (appended > BATCH_EVENTS) return count
      count++
    }
    return count
  }

  yield* Effect.gen(function* () {
    if (taken.length === 0) taken = [yield* Queue.take(queue)]
    if (before !== undefined) yield* Effect.timeoutOption(Fiber.await(before.fiber), BATCH_PATIENCE)
    yield* connections.take(1)
    const waiting = taken.length + Queue.sizeUnsafe(queue)
    // Senders whose send was just answered are likely to send again while this batch is in the database. A batch takes half of
    // them and of those that wait, so that two batches of equal size alternate between database and clients. Taking all would
    // make a large and a small batch (of 64 clients, 56 and 8), and one of the two would wait for the other.
    const size = Math.min(Math.ceil(((before?.size ?? 0) + waiting) / 2), BATCH_SIZE, waiting)
    if (taken.length < size) taken.push(...(yield* Queue.takeN(queue, size - taken.length)))
    const submissions = taken.splice(0, Math.min(size, countOfBatch()))
    const fiber = yield* Effect.forkScoped(Effect.ensuring(work(submissions), connections.release(1)), {
      startImmediately: true
    })
    before = { size: submissions.length, fiber }
  }).pipe(Effect.forever, Effect.forkScoped)

  const lane: Lane<D> = (drafts) =>
    Effect.flatMap(currentSpan, (span) => {
      const answer = Deferred.makeUnsafe<ReadonlyArray<Outcome>>()
      return Effect.andThen(Queue.offer(queue, { drafts, answer, span }), Deferred.await(answer))
    })
  return lane
})

interface Submission<D> {
  readonly drafts: ReadonlyArray<D>
  readonly answer: Deferred.Deferred<ReadonlyArray<Outcome>>
  /** The span that the submission belongs to, when it is traced. */
  readonly span: Tracer.AnySpan | undefined
}

/** A batch is part of all the traces that it serves. */
const batching = (submissions: ReadonlyArray<Submission<unknown>>) =>
  spanOf(
    "batch",
    submissions.flatMap(({ span }) => span ?? [])
  )
