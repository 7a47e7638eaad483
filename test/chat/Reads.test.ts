import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { PassingFrame } from "../../src/api/Protocol.ts"
import { Drafts } from "../../src/chat/Drafts.ts"
import { MAX_READ_RECEIVERS, Reads } from "../../src/chat/Reads.ts"
import { NotMember } from "../../src/domain/ConversationErrors.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import type { AppendedFact } from "../../src/domain/Event.ts"
import { MessageId } from "../../src/domain/Message.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import { UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { EventPublisher } from "../../src/inbox/EventPublisher.ts"
import { Passing } from "../../src/inbox/Passing.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"

const alice = UserId.make(1)
const direct = ConversationId.make(7)
const group = ConversationId.make(8)
const foreign = ConversationId.make(9)
const message = MessageId.make(70)

const appended: AppendedFact = {
  fact: { type: "read", committedAt: 1, message: undefined, clientId: undefined, payload: {} },
  places: [{ userId: alice, seq: 3 }]
}

/** Reads of a user who has read up to a message before, in a group with so many others. */
const makeReads = Effect.fnUntraced(function* (others: number, readBefore = 0) {
  const published: Array<AppendedFact> = []
  const passed: Array<readonly [number, PassingFrame]> = []
  const test = { lacksMembers: false }
  const repo = Layer.mock(ConversationRepo, {
    addressees: (id) =>
      Effect.succeed(id === group ? { kind: "group" } : { kind: "direct", users: [alice, UserId.make(2)] }),
    others: () =>
      test.lacksMembers
        ? Effect.fail(new Unavailable({ dependency: "database", cause: "down" }))
        : Effect.succeed(Array.from({ length: others }, (_, i) => UserId.make(i + 2))),
    markRead: (_, id, messageId) =>
      id === foreign
        ? Effect.fail(new NotMember())
        : Effect.succeed({
            value: Effect.succeed({ last_read_id: Math.max(messageId, readBefore), unread: 0 }),
            appended: messageId > readBefore ? [appended] : []
          })
  })
  const reads = yield* Effect.provide(
    Reads,
    Reads.layer.pipe(
      Layer.provide([
        Layer.mock(EventPublisher, {
          publish: (facts) => Effect.sync(() => facts.map((fact) => [published.push(fact) > 0]))
        }),
        Layer.mock(Passing, {
          send: (users, frame) => Effect.sync(() => void passed.push([users.length, frame]))
        }),
        Drafts.layer
      ]),
      Layer.provide([repo, Epoch.layerMemory])
    )
  )
  return { reads, published, passed, test }
})

it.effect("a read is published to inboxes, and sent without a number to the others of a group", () =>
  Effect.gen(function* () {
    const { reads, published, passed } = yield* makeReads(3)
    assert.deepStrictEqual(yield* reads.mark(alice, group, message), { last_read_id: 70, unread: 0 })
    assert.deepStrictEqual(published, [appended])
    assert.deepStrictEqual(passed, [
      [3, { type: "read", conversation_id: group, user_id: alice, message_id: message }]
    ])
  })
)

it.effect("in a direct conversation the events say it all", () =>
  Effect.gen(function* () {
    const { reads, published, passed } = yield* makeReads(1)
    yield* reads.mark(alice, direct, message)
    assert.lengthOf(published, 1)
    assert.isEmpty(passed)
  })
)

it.effect("a read that moves nothing is sent to nobody", () =>
  Effect.gen(function* () {
    const { reads, published, passed } = yield* makeReads(3, 80)
    assert.deepStrictEqual(yield* reads.mark(alice, group, message), { last_read_id: 80, unread: 0 })
    assert.isEmpty([...published, ...passed])
  })
)

it.effect("a large group gets no reads: its members would send each other the square of their number", () =>
  Effect.gen(function* () {
    const small = yield* makeReads(MAX_READ_RECEIVERS)
    yield* small.reads.mark(alice, group, message)
    assert.lengthOf(small.passed, 1)
    const large = yield* makeReads(MAX_READ_RECEIVERS + 1)
    yield* large.reads.mark(alice, group, message)
    assert.lengthOf(large.published, 1)
    assert.isEmpty(large.passed)
  })
)

it.effect("a mark that is committed is answered, also when the frames to the others fail", () =>
  Effect.gen(function* () {
    const { reads, published, passed, test } = yield* makeReads(3)
    test.lacksMembers = true
    assert.strictEqual((yield* reads.mark(alice, group, message)).last_read_id, 70)
    assert.lengthOf(published, 1)
    assert.isEmpty(passed)
  })
)

it.effect("who is no member is refused", () =>
  Effect.gen(function* () {
    const { reads, passed } = yield* makeReads(3)
    assert.instanceOf(yield* Effect.flip(reads.mark(alice, foreign, message)), NotMember)
    assert.isEmpty(passed)
  })
)
