import { assert, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Option, Stream } from "effect"
import { Exports, PAGE } from "../../src/chat/Exports.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import type { ExportRecord } from "../../src/domain/Export.ts"
import { MessageId } from "../../src/domain/Message.ts"
import { UserId } from "../../src/domain/User.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { ExportRepo } from "../../src/repo/ExportRepo.ts"
import { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"

const MESSAGES = 100_000

const alice = {
  id: UserId.make(1),
  username: "alice",
  display_name: "Alice",
  created_at: "2026-01-01T00:00:00.000Z"
}

const message = (id: number) => ({
  type: "message" as const,
  message: {
    id: MessageId.make(id),
    sender_id: alice.id,
    sender_username: "alice",
    content: "hello",
    timestamp: alice.created_at,
    conversation_id: ConversationId.make(1)
  }
})

it.effect("an export has when its user was last seen, and since when it is suspended", () => {
  const nothing = () => Effect.succeed([])
  const at = "2026-01-02T00:00:00.000Z"
  const layers = Layer.mergeAll(
    Layer.mock(ExportRepo, {
      conversations: nothing,
      messages: nothing,
      reactions: nothing,
      blocks: nothing,
      reports: nothing
    }),
    Layer.mock(UserRepo, { find: () => Effect.succeed(alice) }),
    Layer.mock(SuspensionRepo, { find: () => Effect.succeed({ user_id: alice.id, suspended_at: at }) }),
    Layer.mock(Sessions, {
      presence: () => Effect.succeed({ connections: 0, lastSeen: Option.some(DateTime.makeUnsafe(at)) })
    })
  )
  return Effect.gen(function* () {
    const [profile] = yield* Stream.runCollect(yield* (yield* Exports).of(alice.id))
    assert.deepEqual(profile, { type: "profile", user: alice, last_seen: at, suspended_at: at })
  }).pipe(Effect.provide(Exports.layer.pipe(Layer.provide(layers))))
})

it.effect("an export of 100,000 messages holds one page at a time, and hands it on whole", () => {
  let read = 0
  let taken = 0
  let mostHeld = 0
  const nothing = () => Effect.succeed([])
  const repo = Layer.mock(ExportRepo, {
    conversations: nothing,
    reactions: nothing,
    blocks: nothing,
    reports: nothing,
    messages: (_, after, limit) =>
      Effect.sync(() => {
        const first = (after ?? 0) + 1
        const page = Array.from({ length: Math.min(limit, MESSAGES - first + 1) }, (_, i) =>
          message(first + i)
        )
        read += page.length
        mostHeld = Math.max(mostHeld, read - taken)
        return page
      })
  })
  const people = Layer.mergeAll(
    Layer.mock(UserRepo, { find: () => Effect.succeed(alice) }),
    Layer.mock(SuspensionRepo, { find: () => Effect.succeed({ user_id: alice.id, suspended_at: null }) }),
    Layer.mock(Sessions, { presence: () => Effect.succeed({ connections: 0, lastSeen: Option.none() }) })
  )
  return Effect.gen(function* () {
    const records = yield* (yield* Exports).of(alice.id)
    const parts: Array<number> = []
    let last: ExportRecord | undefined
    yield* Stream.runForEachArray(records, (part) =>
      // A client that takes its time.
      Effect.map(Effect.yieldNow, () => {
        parts.push(part.length)
        taken += part.filter(({ type }) => type === "message").length
        last = part.at(-1)
      })
    )

    assert.strictEqual(taken, MESSAGES)
    assert.deepEqual(last, { type: "end", records: MESSAGES + 1 })
    assert.strictEqual(mostHeld, PAGE)
    assert.deepEqual(parts, [1, ...Array.from({ length: MESSAGES / PAGE }, () => PAGE), 1])
  }).pipe(Effect.provide(Exports.layer.pipe(Layer.provide([repo, people]))))
})
