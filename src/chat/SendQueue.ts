import { Context, Deferred, Effect, Exit, Layer, Queue, type Tracer } from "effect"
import type { Draft } from "../domain/Message.ts"
import { Metrics } from "../observability/Metrics.ts"
import { currentSpan, spanOf } from "../observability/Spans.ts"
import { MessageRepo, type Outcome } from "../repo/MessageRepo.ts"

/** How many batches are under way at once: while one waits for the disk, the next is gathered. */
const WORKERS = 2

/** How many submissions one batch takes, at most. */
const BATCH = 128

/** How many submissions wait; past that, senders wait to submit. */
const WAITING = 10_000

/**
 * Commits sends in batches: those that arrive while a batch is under way go together in the next. There is no
 * timer, so a lone send waits for nothing.
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

      const work = Effect.gen(function* () {
        const submissions = yield* Queue.takeBetween(queue, 1, BATCH)
        const drafts = submissions.flatMap(({ drafts }) => drafts)
        metrics.sendBatch(drafts.length)
        const exit = yield* repo.send(drafts).pipe(batching(submissions), Effect.exit)
        let from = 0
        for (const { drafts, answer } of submissions) {
          const to = from + drafts.length
          const start = from
          // A defect is told to those who wait for this batch; the worker goes on.
          Deferred.doneUnsafe(
            answer,
            Exit.map(exit, (outcomes) => outcomes.slice(start, to))
          )
          from = to
        }
      })
      yield* Effect.forkScoped(Effect.forever(work)).pipe(Effect.replicateEffect(WORKERS))

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
