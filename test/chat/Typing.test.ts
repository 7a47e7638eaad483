import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { PassingFrame } from "../../src/api/Protocol.ts"
import { Typing } from "../../src/chat/Typing.ts"
import { NotMember } from "../../src/domain/ConversationErrors.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { UserId } from "../../src/domain/User.ts"
import { Passing } from "../../src/inbox/Passing.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"

const alice = UserId.make(1)
const bob = UserId.make(2)
const carol = UserId.make(3)
const chat = ConversationId.make(7)
const foreign = ConversationId.make(8)

/** What a socket is to the service: an object that no other socket is. */
const [phone, laptop] = [{}, {}]

const makeTyping = Effect.gen(function* () {
  const passed: Array<readonly [ReadonlyArray<UserId>, PassingFrame]> = []
  let queries = 0
  let before: Effect.Effect<void> = Effect.void
  const services = yield* Layer.build(
    Typing.layer.pipe(
      Layer.provide([
        Layer.mock(Passing, { send: (users, frame) => Effect.sync(() => void passed.push([users, frame])) }),
        Layer.mock(ConversationRepo, {
          others: (_, id) =>
            Effect.suspend(() => {
              queries++
              return id === foreign ? Effect.fail(new NotMember()) : Effect.as(before, [bob, carol])
            })
        })
      ])
    )
  )
  const typing = yield* Effect.provide(Typing, services)
  return {
    typing,
    /** Frames since the last call: in which conversation, and whether alice types. */
    taken: Effect.sync(() =>
      passed.splice(0).map(([users, frame]) => {
        assert.deepStrictEqual(users, [bob, carol])
        if (frame.type !== "typing") return assert.fail(frame.type)
        assert.strictEqual(frame.user_id, alice)
        return [frame.conversation_id, frame.typing] as const
      })
    ),
    queries: () => queries,
    waitBefore: (wait: Effect.Effect<void>) => {
      before = wait
    }
  }
})

it.effect("the others get a frame when a user types, and when it stops", () =>
  Effect.gen(function* () {
    const { typing, taken } = yield* makeTyping
    yield* typing.update(phone, alice, chat, true)
    assert.deepStrictEqual(yield* taken, [[chat, true]])
    yield* typing.update(phone, alice, chat, false)
    assert.deepStrictEqual(yield* taken, [[chat, false]])
    yield* typing.update(phone, alice, chat, false)
    assert.isEmpty(yield* taken, "an end without a begin")
  })
)

it.effect("at most once a second in one conversation; what comes sooner is dropped without a query", () =>
  Effect.gen(function* () {
    const { typing, taken, queries } = yield* makeTyping
    for (let i = 0; i < 5; i++) yield* typing.update(i % 2 === 0 ? phone : laptop, alice, chat, true)
    assert.deepStrictEqual(yield* taken, [[chat, true]])
    yield* typing.update(phone, alice, chat, false)
    yield* typing.update(phone, alice, chat, true)
    assert.deepStrictEqual(yield* taken, [[chat, false]])
    assert.strictEqual(queries(), 1)
    yield* TestClock.adjust("1 second")
    yield* typing.update(phone, alice, chat, true)
    assert.deepStrictEqual(yield* taken, [[chat, true]])
  })
)

it.effect("a user types in at most five conversations at once", () =>
  Effect.gen(function* () {
    const { typing, taken } = yield* makeTyping
    for (let id = 10; id < 20; id++) yield* typing.update(phone, alice, ConversationId.make(id), true)
    assert.lengthOf(yield* taken, 5)
    yield* TestClock.adjust("7 seconds")
    yield* typing.update(phone, alice, ConversationId.make(19), true)
    assert.lengthOf(yield* taken, 1)
  })
)

it.effect("who is no member is refused, once a second", () =>
  Effect.gen(function* () {
    const { typing, taken, queries } = yield* makeTyping
    assert.instanceOf(yield* Effect.flip(typing.update(phone, alice, foreign, true)), NotMember)
    for (let i = 0; i < 5; i++) yield* typing.update(phone, alice, foreign, true)
    yield* typing.update(phone, alice, foreign, false)
    assert.strictEqual(queries(), 1)
    assert.isEmpty(yield* taken)
  })
)

it.effect("a message ends the typing in its conversation, and nothing else", () =>
  Effect.gen(function* () {
    const { typing, taken } = yield* makeTyping
    const other = ConversationId.make(9)
    yield* typing.update(phone, alice, chat, true)
    yield* typing.update(phone, alice, other, true)
    yield* taken
    yield* typing.sent(alice, chat)
    yield* typing.sent(alice, chat)
    yield* typing.sent(bob, other)
    assert.deepStrictEqual(yield* taken, [[chat, false]])
  })
)

it.effect("a socket that closes ends the typing of its own frames", () =>
  Effect.gen(function* () {
    const { typing, taken } = yield* makeTyping
    yield* typing.update(phone, alice, chat, true)
    yield* typing.leave(laptop, alice)
    yield* typing.leave(phone, bob)
    assert.deepStrictEqual(yield* taken, [[chat, true]])
    yield* typing.leave(phone, alice)
    assert.deepStrictEqual(yield* taken, [[chat, false]])
  })
)

it.effect("six seconds after the last word it has ended, and nothing is kept of it", () =>
  Effect.gen(function* () {
    const { typing, taken } = yield* makeTyping
    yield* typing.update(phone, alice, chat, true)
    yield* TestClock.adjust("5 seconds")
    yield* typing.update(phone, alice, chat, true)
    yield* TestClock.adjust("5 seconds")
    assert.strictEqual(yield* typing.size, 1)
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(yield* typing.size, 0)
    yield* taken
    yield* typing.leave(phone, alice)
    yield* typing.sent(alice, chat)
    assert.isEmpty(yield* taken)
  })
)

it.effect("typing that expires while its members are looked up is not sent", () =>
  Effect.gen(function* () {
    const { typing, taken, waitBefore } = yield* makeTyping
    const found = yield* Deferred.make<void>()
    waitBefore(Deferred.await(found))
    const telling = yield* Effect.forkChild(typing.update(phone, alice, chat, true), {
      startImmediately: true
    })
    yield* TestClock.adjust("3 seconds")
    yield* Deferred.succeed(found, undefined)
    yield* Fiber.join(telling)
    assert.isEmpty(yield* taken)
    assert.strictEqual(yield* typing.size, 0)
  })
)

it.effect("an end is sent also while a further begin waits for the database", () =>
  Effect.gen(function* () {
    const { typing, taken, waitBefore } = yield* makeTyping
    yield* typing.update(phone, alice, chat, true)
    yield* TestClock.adjust("2 seconds")
    waitBefore(Effect.never)
    yield* Effect.forkChild(typing.update(phone, alice, chat, true), { startImmediately: true })
    assert.deepStrictEqual(yield* taken, [[chat, true]])
    yield* typing.update(laptop, alice, chat, false)
    assert.deepStrictEqual(yield* taken, [[chat, false]])
  })
)
