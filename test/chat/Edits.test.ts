import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Edits } from "../../src/chat/Edits.ts"
import { RecentMessages } from "../../src/chat/RecentMessages.ts"
import type { UserId } from "../../src/domain/User.ts"
import { EventPublisher } from "../../src/inbox/EventPublisher.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { group, groupDraft, sendAllToGroups } from "../repo/Conversations.ts"
import { draft, memoryRepos, newPair, sendOne } from "../repo/Repos.ts"
import { memoryServices } from "./Servers.ts"

/** Edits, and whose cached answers were deleted. */
const services = (forgotten: Array<UserId>) =>
  Edits.layer.pipe(
    Layer.provide(
      Layer.mock(RecentMessages, {
        forget: (userIds) =>
          Effect.sync(() => {
            forgotten.push(...userIds)
            return true
          })
      })
    ),
    Layer.provide(EventPublisher.layer),
    Layer.provide(LiveInboxes.layer),
    Layer.provide(memoryServices),
    Layer.provideMerge(memoryRepos)
  )

it.effect(
  "an edit and a deletion delete the cached answer with the former content, which only a receiver has",
  () => {
    const forgotten: Array<UserId> = []
    return Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const edits = yield* Edits
      const takeForgotten = () => forgotten.splice(0)
      const { message } = yield* sendOne(draft(alice, bob))
      const change = {
        by: alice.id,
        messageId: message.id,
        content: "hello again",
        version: undefined,
        metadata: undefined
      }

      yield* edits.edit(change)
      assert.deepEqual(takeForgotten(), [bob.id])
      yield* edits.react(bob.id, message.id, "👍")
      assert.deepEqual(takeForgotten(), [])
      yield* edits.remove(alice.id, message.id)
      assert.deepEqual(takeForgotten(), [bob.id])
      yield* edits.removeAny(message.id)
      assert.deepEqual(takeForgotten(), [bob.id])

      const [sent] = yield* sendAllToGroups([groupDraft(alice, yield* group(alice, [bob]))])
      yield* edits.remove(alice.id, sent!.message.id)
      assert.deepEqual(takeForgotten(), [])
    }).pipe(Effect.provide(services(forgotten)))
  }
)
