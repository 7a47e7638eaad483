import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Queue } from "effect"
import { type Call, Calls } from "../../src/client/Endpoints.ts"
import * as Loader from "../../src/client/Loader.ts"
import type { Rest } from "../../src/client/Rest.ts"
import type { InboxEvent } from "../../src/client/State.ts"
import { makeStore } from "../../src/client/Store.ts"
import type { ConversationEntry } from "../../src/domain/Conversation.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import type { Message, MessageId } from "../../src/domain/Message.ts"
import { UserId } from "../../src/domain/User.ts"
import { untilState } from "./support/Clients.ts"

const SELF = UserId.make(1)
const PEER = UserId.make(2)
const ID = 7 as ConversationId
const AT = "2026-01-01T00:00:00.000Z"

const message = (id: number): Message => ({
  id: id as MessageId,
  conversation_id: ID,
  sender_id: PEER,
  sender_username: "bob",
  content: `message ${id}`,
  timestamp: AT
})

const entry: ConversationEntry = {
  id: ID,
  kind: "direct",
  history: "all",
  created_at: AT,
  member_count: 2,
  with: { user_id: PEER, username: "bob", display_name: "Bob", last_read_id: 0 },
  last_read_id: 0,
  unread: 3,
  last_message: message(3),
  activity: 3
}

/** A loader that is connected, and the calls that it makes: each waits until the test answers it. */
const connected = Effect.gen(function* () {
  const store = makeStore(SELF)
  const made = yield* Queue.unbounded<{ readonly call: Call<never>; answer(value: unknown): void }>()
  const rest = ((call: Call<never>) =>
    Effect.suspend(() => {
      const answered = Deferred.makeUnsafe<unknown>()
      const answer = (value: unknown) => Deferred.doneUnsafe(answered, Effect.succeed(value))
      Queue.offerUnsafe(made, { call, answer })
      return Deferred.await(answered)
    })) as unknown as Rest
  const loader = yield* Loader.make(store, rest)
  store.subscribeAll(loader.check)
  store.dispatch({ type: "connected", cursor: 0, epoch: "first", recovered: false })
  const list = yield* Queue.take(made)
  list.answer({ conversations: [entry], next: null })
  yield* untilState(store, (state) => state.list.isLoaded)
  return { store, made }
})

const deleted = (seq: number, id: number) =>
  ({
    type: "event",
    event: {
      type: "message_deleted",
      seq,
      message_id: id,
      conversation_id: ID,
      sender_id: PEER,
      deleted_at: AT
    } as InboxEvent
  }) as const

describe("the loader", () => {
  it.effect("makes one call for what is missing, however often the state changes", () =>
    Effect.gen(function* () {
      const { store, made } = yield* connected
      store.dispatch({ type: "opened", id: ID, around: undefined })
      const { call, answer } = yield* Queue.take(made)
      assert.strictEqual(call, Calls.history)
      store.dispatch({ type: "tick", now: 0 })
      answer([message(3)])
      yield* untilState(store, ({ timelines }) => timelines.get(ID)?.isLoading === false)
      assert.strictEqual(yield* Queue.size(made), 0)
    })
  )

  it.effect("loads again what an event changed while it was being loaded", () =>
    Effect.gen(function* () {
      const { store, made } = yield* connected
      // How many are unread then does not follow from what is loaded.
      store.dispatch(deleted(1, 1))
      const first = yield* Queue.take(made)
      store.dispatch(deleted(2, 2))
      first.answer({ ...entry, unread: 2 })
      const second = yield* Queue.take(made)
      assert.strictEqual(second.call, Calls.getConversation)
      second.answer({ ...entry, unread: 1 })
      yield* untilState(store, ({ conversations }) => conversations.get(ID)?.unread === 1)
      assert.strictEqual(store.state.sync.wanted.size, 0)
    })
  )
})
