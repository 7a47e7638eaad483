import {
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Queue,
  Semaphore,
  type Tracer
} from "effect"
import { SEND_CONNECTIONS } from "../database/Database.ts"
import type { Draft } from "../domain/Message.ts"
import type { Outcome } from "../domain/Send.ts"
import { Metrics } from "../observability/Metrics.ts"
import { currentSpan, spanOf } from "../observability/Spans.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"

/**
 * How long a batch waits for the end of the one before it. Batches that follow one another fill better, and those side by side
 * wait for the locks of the same inboxes. A batch that takes longer may wait for a lock that the next one does not need.
 */
const BATCH_PATIENCE = Duration.millis(50)

/** The most submissions in one batch. */
const BATCH_SIZE = 128

/** The most submissions in the queue; past that, senders wait to submit. */
const QUEUE_SIZE = 10_000

/**
 * Commits sends in batches. Sends that arrive while a batch is in the database go together in the next one. There is no timer:
 * a send that finds no batch in the database starts one at once.
 */
export class SendQueue extends Context.Service<
  SendQueue,
  {
    /**
     * Commits drafts and answers each in its place. Drafts that are submitted together keep their order. The caller must not be
     * interrupted between the commit and the publishing that follows.
     */
    submit(drafts: ReadonlyArray<Draft>): Effect.Effect<ReadonlyArray<Outcome>>
  }
>()("minichat/chat/SendQueue") {
  static readonly layer = Layer.effect(
    SendQueue,
    Effect.gen(function* () {
      const repo = yield* MessageRepo
      const metrics = yield* Metrics
      const queue = yield* Queue.bounded<Submission>(QUEUE_SIZE)

      const commit = Effect.fnUntraced(function* (submissions: ReadonlyArray<Submission>) {
        const drafts = submissions.flatMap(({ drafts }) => drafts)
        metrics.sendBatch(drafts.length)
        const exit = yield* repo.send(drafts).pipe(batching(submissions), Effect.exit)
        let from = 0
        for (const { drafts, answer } of submissions) {
          const to = from + drafts.length
          const start = from
          // A defect is told to those who wait for this batch; the next one is sent all the same.
          Deferred.doneUnsafe(
            answer,
            Exit.map(exit, (outcomes) => outcomes.slice(start, to))
          )
          from = to
        }
      })

      const connections = yield* Semaphore.make(SEND_CONNECTIONS)
      let before: { readonly size: number; readonly fiber: Fiber.Fiber<void> } | undefined
      yield* Effect.gen(function* () {
        const first = yield* Queue.take(queue)
        if (before !== undefined) yield* Effect.timeoutOption(Fiber.await(before.fiber), BATCH_PATIENCE)
        yield* connections.take(1)
        const waiting = Queue.sizeUnsafe(queue)
        // Senders whose send was just answered are likely to send again while this batch is in the database. A batch takes half of
        // them and of the queue, so that two batches of equal size alternate between database and clients. Taking all would
        // make a large and a small batch (of 64 clients, 56 and 8), and one of the two would wait for the other.
        const size = Math.min(Math.ceil(((before?.size ?? 0) + 1 + waiting) / 2), BATCH_SIZE)
        const submissions = [first, ...(yield* Queue.takeN(queue, Math.min(size - 1, waiting)))]
        const fiber = yield* Effect.forkScoped(Effect.ensuring(commit(submissions), connections.release(1)), {
          startImmediately: true
        })
        before = { size: submissions.length, fiber }
      }).pipe(Effect.forever, Effect.forkScoped)

      const submit: SendQueue["Service"]["submit"] = Effect.fnUntraced(function* (drafts) {
        const answer = Deferred.makeUnsafe<ReadonlyArray<Outcome>>()
        yield* Queue.offer(queue, { drafts, answer, span: yield* currentSpan })
        return yield* Deferred.await(answer)
      })

      return SendQueue.of({ submit })
    })
  )
}

interface Submission {
  readonly drafts: ReadonlyArray<Draft>
  readonly answer: Deferred.Deferred<ReadonlyArray<Outcome>>
  /** What the submission is a part of, when it is traced. */
  readonly span: Tracer.AnySpan | undefined
}

/** A batch is part of all the traces that it serves. */
const batching = (submissions: ReadonlyArray<Submission>) =>
  spanOf(
    "batch",
    submissions.flatMap(({ span }) => span ?? [])
  )
