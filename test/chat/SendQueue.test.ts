import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue, Result } from "effect"
import { TestClock } from "effect/testing"
import { SendQueue } from "../../src/chat/SendQueue.ts"
import { NotMember } from "../../src/domain/ConversationErrors.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import type { AnyDraft, Draft, GroupDraft } from "../../src/domain/Message.ts"
import type { Outcome } from "../../src/domain/Send.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import { UserId } from "../../src/domain/User.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { verdicts } from "../repo/Repos.ts"

/** A call of `MessageRepo.send` that the test answers. */
interface Batch {
  readonly contents: ReadonlyArray<string>
  readonly answer: Deferred.Deferred<ReadonlyArray<Outcome>>
}

const draftOf = (content: string): Draft => ({
  sender_id: UserId.make(1),
  receiver_id: UserId.make(2),
  content
})

/** To a group that this node knows nothing of: it counts as a large one. */
const groupDraftOf = (content: string): GroupDraft => ({
  sender_id: UserId.make(1),
  conversation_id: ConversationId.make(7),
  content
})

/** Answers a draft with a message that can be told from others by its content. */
const outcomeOf = (content: string) =>
  Result.succeed({ message: { content }, appended: Array.from({ length: 1000 }) }) as unknown as Outcome

/** A queue over a repository whose calls wait for the test. */
const heldQueue = Effect.gen(function* () {
  const batches = yield* Queue.unbounded<Batch>()
  const hold = Effect.fnUntraced(function* (drafts: ReadonlyArray<AnyDraft>) {
    const answer = yield* Deferred.make<ReadonlyArray<Outcome>>()
    yield* Queue.offer(batches, { contents: drafts.map(({ content }) => content), answer })
    return yield* Deferred.await(answer)
  })
  const services = yield* Layer.build(
    Layer.provide(SendQueue.layer, Layer.mock(MessageRepo, { send: hold, sendToGroups: hold }))
  )
  const submitAll = (drafts: ReadonlyArray<AnyDraft>) =>
    SendQueue.use((queue) => queue.submit(drafts)).pipe(
      Effect.provideContext(services),
      Effect.forkChild({ startImmediately: true })
    )
  return {
    submit: (...contents: ReadonlyArray<string>) => submitAll(contents.map(draftOf)),
    submitToGroup: (...contents: ReadonlyArray<string>) => submitAll(contents.map(groupDraftOf)),
    next: Queue.take(batches),
    waiting: Queue.size(batches),
    fail: ({ contents, answer }: Batch, error: Unavailable | NotMember) =>
      Deferred.succeed(
        answer,
        contents.map(() => Result.fail(error))
      ),
    succeed: ({ contents, answer }: Batch) => Deferred.succeed(answer, contents.map(outcomeOf))
  }
})

const contentsOf = (outcomes: ReadonlyArray<Outcome>) =>
  outcomes.map((outcome) => Result.getOrThrow(outcome).message.content)

it.effect("a lone submission is committed at once, its drafts in order, and answered in its places", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue

    const submission = yield* submit("a", "b", "c")
    const batch = yield* next
    assert.deepEqual(batch.contents, ["a", "b", "c"])
    yield* succeed(batch)

    assert.deepEqual(contentsOf(yield* Fiber.join(submission)), ["a", "b", "c"])
  })
)

it.effect("what is submitted while a batch is under way goes together in the next, in order", () =>
  Effect.gen(function* () {
    const { submit, next, waiting, succeed } = yield* heldQueue
    yield* submit("first")
    const first = yield* next

    const gathered = [yield* submit("a", "b"), yield* submit("c", "d")]
    yield* Effect.yieldNow
    assert.strictEqual(yield* waiting, 0)
    yield* succeed(first)

    const batch = yield* next
    assert.deepEqual(batch.contents, ["a", "b", "c", "d"])
    yield* succeed(batch)
    assert.deepEqual((yield* Effect.forEach(gathered, Fiber.join)).map(contentsOf), [
      ["a", "b"],
      ["c", "d"]
    ])
  })
)

it.effect("batches become alike: each takes half of those that wait and those that were just answered", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue
    const senders = Array.from({ length: 16 }, (_, i) => `${i}`)
    yield* Effect.forEach(senders, (sender) => submit(sender))

    // Whoever is answered sends again while the next batch is under way.
    const sizes: Array<number> = []
    let underWay = yield* next
    for (let i = 0; i < 8; i++) {
      yield* succeed(underWay)
      const answered = underWay.contents
      underWay = yield* next
      sizes.push(underWay.contents.length)
      yield* Effect.forEach(answered, (sender) => submit(sender))
    }
    assert.deepEqual(sizes.slice(-4), [8, 8, 8, 8])
  })
)

it.effect("a batch takes no more than 128 submissions", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue
    yield* submit("first")
    const first = yield* next
    const contents = Array.from({ length: 400 }, (_, i) => `${i}`)
    yield* Effect.forEach(contents, (content) => submit(content))

    yield* succeed(first)
    const second = yield* next
    assert.deepEqual(second.contents, contents.slice(0, 128))
    yield* succeed(second)
    assert.deepEqual((yield* next).contents, contents.slice(128, 256))
  })
)

it.effect(
  "sends to a large group rest for half the time that their batch took, and direct sends do not",
  () =>
    Effect.gen(function* () {
      const { submit, submitToGroup, next, waiting, succeed } = yield* heldQueue
      const first = yield* submitToGroup("first")
      const batch = yield* next
      yield* submitToGroup("second")
      yield* TestClock.adjust("40 millis")
      yield* succeed(batch)
      // The answer does not wait for the rest.
      assert.deepEqual(contentsOf(yield* Fiber.join(first)), ["first"])

      yield* TestClock.adjust("19 millis")
      assert.strictEqual(yield* waiting, 0)
      yield* submit("direct")
      assert.deepEqual((yield* next).contents, ["direct"])

      yield* TestClock.adjust("1 millis")
      assert.deepEqual((yield* next).contents, ["second"])
    })
)

it.effect("a batch to a large group that took very long is followed by a rest of 50 ms", () =>
  Effect.gen(function* () {
    const { submitToGroup, next, waiting, succeed } = yield* heldQueue
    yield* submitToGroup("first")
    const batch = yield* next
    yield* TestClock.adjust("8 seconds")
    yield* succeed(batch)
    yield* submitToGroup("second")
    yield* TestClock.adjust("49 millis")
    assert.strictEqual(yield* waiting, 0)
    yield* TestClock.adjust("1 millis")
    assert.deepEqual((yield* next).contents, ["second"])
  })
)

it.effect(
  "one submission of many messages to a large group is committed in calls of 1,000 events, with rests",
  () =>
    Effect.gen(function* () {
      const { submitToGroup, next, waiting, succeed } = yield* heldQueue
      const submission = yield* submitToGroup("1", "2", "3")
      for (const content of ["1", "2", "3"]) {
        const batch = yield* next
        assert.deepEqual(batch.contents, [content])
        yield* TestClock.adjust("20 millis")
        yield* succeed(batch)
        yield* TestClock.adjust("9 millis")
        assert.strictEqual(yield* waiting, 0)
        yield* TestClock.adjust("1 millis")
      }
      assert.deepEqual(contentsOf(yield* Fiber.join(submission)), ["1", "2", "3"])
    })
)

it.effect("what a group refuses from one sender is refused in two calls, though its size stays unknown", () =>
  Effect.gen(function* () {
    const { submitToGroup, next, fail } = yield* heldQueue
    const submission = yield* submitToGroup("1", "2", "3")
    yield* fail(yield* next, new NotMember())
    const second = yield* next
    assert.deepEqual(second.contents, ["2", "3"])
    yield* fail(second, new NotMember())
    assert.deepEqual(verdicts(yield* Fiber.join(submission)), ["NotMember", "NotMember", "NotMember"])
  })
)

it.effect("while the database is unavailable, no further call of a submission to a large group is made", () =>
  Effect.gen(function* () {
    const { submitToGroup, next, waiting, fail } = yield* heldQueue
    const submission = yield* submitToGroup("1", "2", "3")
    yield* fail(yield* next, new Unavailable({ dependency: "database", cause: "test" }))
    const outcomes = yield* Fiber.join(submission)
    assert.deepEqual(verdicts(outcomes), ["Unavailable", "Unavailable", "Unavailable"])
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(yield* waiting, 0)
  })
)

it.effect("a batch takes no more than 500 direct messages, whoever submits many at once", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue
    yield* submit("first")
    const first = yield* next
    const hundred = (from: number) => Array.from({ length: 100 }, (_, i) => `${from + i}`)
    for (let from = 0; from < 1_200; from += 100) yield* submit(...hundred(from))

    yield* succeed(first)
    const sizes: Array<number> = []
    for (let i = 0; i < 3; i++) {
      const batch = yield* next
      sizes.push(batch.contents.length)
      yield* succeed(batch)
    }
    assert.deepEqual(sizes, [500, 500, 200])
  })
)

// The others may wait for a lock that these do not need. How long that takes is real time.
it.live("batches that take long are not waited for", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue
    const stuck = yield* Effect.forEach(["a", "b", "c", "d"], (content) =>
      Effect.andThen(submit(content), next)
    )
    assert.deepEqual(
      stuck.map(({ contents }) => contents),
      [["a"], ["b"], ["c"], ["d"]]
    )
    yield* succeed(stuck[1]!)
    yield* submit("e")
    assert.deepEqual((yield* next).contents, ["e"])
  })
)

it.effect("a defect is told to those who wait for that batch, and the next is committed", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue

    for (let i = 0; i < 4; i++) {
      const doomed = yield* submit("doomed")
      yield* Deferred.die((yield* next).answer, "broken")
      assert.isTrue((yield* Fiber.await(doomed))._tag === "Failure")
    }

    const submission = yield* submit("fine")
    yield* succeed(yield* next)
    assert.deepEqual(contentsOf(yield* Fiber.join(submission)), ["fine"])
  })
)

it.live("who stops waiting spoils nothing for the others of the batch", () =>
  Effect.gen(function* () {
    const { submit, next, succeed } = yield* heldQueue
    yield* submit("first")
    const first = yield* next
    yield* submit("second")
    yield* next

    const impatient = yield* submit("impatient")
    const patient = yield* submit("patient")
    yield* Fiber.interrupt(impatient)
    yield* succeed(first)

    const batch = yield* next
    assert.deepEqual(batch.contents, ["impatient", "patient"])
    yield* succeed(batch)
    assert.deepEqual(contentsOf(yield* Fiber.join(patient)), ["patient"])
  })
)
