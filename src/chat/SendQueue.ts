import { Context, Deferred, Effect, Exit, type Fiber, Layer, Queue, Semaphore, type Tracer } from "effect"
import { SEND_CONNECTIONS } from "../database/Database.ts"
import type { Draft } from "../domain/Message.ts"
import { Metrics } from "../observability/Metrics.ts"
import { currentSpan, spanOf } from "../observability/Spans.ts"
import { MessageRepo, type Outcome } from "../repo/MessageRepo.ts"

/**
 * How long the next batch waits for the end of the one before: one after the other they fill better, and they touch
 * the same inboxes too often to run side by side. One that takes longer may wait for a lock that others do not
 * need. In milliseconds.
 */
const PATIENCE = 50

/** How many submissions one batch takes, at most. */
const BATCH = 128

/** How many submissions wait; past that, senders wait to submit. */
const WAITING = 10_000

/**
 * Commits sends in batches: of those that arrive while a batch is under way, as many as were in it go together in
 * the next, or all. There is no timer to gather by: a send that finds no batch under way begins one.
 */
export class SendQueue extends Context.Service<
  SendQueue,
  {
    /**
     * Commits drafts and answers each in its place. Drafts that are submitted together keep their order. Not to
     * be interrupted between the commit and what follows from it: that is the caller's to see to.
     */
    submit(drafts: ReadonlyArray<Draft>): Effect.Effect<ReadonlyArray<Outcome>>
  }
>()("minichat/chat/SendQueue") {
  static readonly layer = Layer.effect(
    SendQueue,
    Effect.gen(function* () {
      const repo = yield* MessageRepo
      const metrics = yield* Metrics
      const queue = yield* Queue.bounded<Submission>(WAITING)

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
        if (before !== undefined) yield* endOf(before.fiber)
        yield* connections.take(1)
        const waiting = Queue.sizeUnsafe(queue)
        // Whoever was answered last is likely to send again while this batch is under way. So each batch takes half of
        // those and of who waits: of two that are alike, one is in the database while the other is answered. Taking all
        // would make one great batch and a small one, and for most of the time one of the two would wait for the other.
        const size = Math.min(Math.ceil(((before?.size ?? 0) + 1 + waiting) / 2), BATCH)
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

/** Waits for the end of a batch, with patience. By a timer of its own: `Effect.timeout` takes two fibers. */
const endOf = (batch: Fiber.Fiber<void>) =>
  Effect.suspend(() =>
    batch.pollUnsafe() === undefined
      ? Effect.callback<void>((resume) => {
          const timer = setTimeout(() => resume(Effect.void), PATIENCE)
          batch.addObserver(() => {
            clearTimeout(timer)
            resume(Effect.void)
          })
        })
      : Effect.void
  )

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
