import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Queue } from "effect"
import { TestClock } from "effect/testing"
import { Calls } from "../../src/client/Endpoints.ts"
import type { Input } from "../../src/client/Input.ts"
import * as Loader from "../../src/client/Loader.ts"
import { Refused, type Rest, type RestError } from "../../src/client/Rest.ts"
import type { InboxEvent, State } from "../../src/client/State.ts"
import { makeStore } from "../../src/client/Store.ts"
import { Unreachable } from "../../src/client/Unreachable.ts"
import type { ConversationEntry } from "../../src/domain/Conversation.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import { drawFrom, Model, SELF } from "./support/Model.ts"

const model = new Model(drawFrom(1))
const ID = 4 as ConversationId
const entry = model.entry(ID)!
const { last_read_id: _, unread: __, last_message: ___, activity: ____, ...conversation } = entry

const event = (event: object): Input => ({ type: "event", event: event as InboxEvent })
const added = (seq: number) => event({ type: "conversation_added", seq, conversation })
const removed = (seq: number) => event({ type: "conversation_removed", seq, conversation_id: ID, by: 2 })

const refused = (status: number, code: string) =>
  new Refused({ status, code, message: "No", retryAfter: undefined })
const notMember = refused(403, "not-member")
/** What a proxy answers while no server is there. */
const ofProxy = refused(404, "404")

type Answer = Deferred.Deferred<unknown, RestError>

/** A loader whose calls wait until the test answers them; connected, with one conversation in the list. */
const connected = Effect.gen(function* () {
  const calls = new Map<unknown, Queue.Queue<Answer>>()
  /** The calls of one kind that the test has not taken. */
  const waiting = Effect.fnUntraced(function* (call: unknown) {
    const queue = calls.get(call) ?? (yield* Queue.unbounded<Answer>())
    calls.set(call, queue)
    return queue
  })
  const rest = ((call: unknown) =>
    Effect.gen(function* () {
      const answer = Deferred.makeUnsafe<unknown, RestError>()
      yield* Queue.offer(yield* waiting(call), answer)
      return yield* Deferred.await(answer)
    })) as Rest
  const store = makeStore(SELF)
  const loader = yield* Loader.make(store, rest)
  store.subscribeAll(loader.check)
  const next = Effect.fnUntraced(function* (call: unknown) {
    const answer = yield* Queue.take(yield* waiting(call))
    return {
      succeed: (value: unknown) => Deferred.succeed(answer, value),
      fail: (error: RestError) => Deferred.fail(answer, error)
    }
  })
  const list = (conversations: ReadonlyArray<ConversationEntry>) =>
    Effect.flatMap(next(Calls.listConversations), ({ succeed }) => succeed({ conversations, next: null }))
  store.dispatch({ type: "connected", cursor: 1, epoch: "e", recovered: true })
  yield* list([entry])
  /** Waits until the state is so. */
  const until = (isSo: (state: State) => boolean) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (isSo(store.state)) resume(Effect.void)
      }
      store.subscribeAll(look)
      look()
    })
  yield* until(({ list }) => list.isLoaded)
  const size = (call: unknown) => Effect.flatMap(waiting(call), Queue.size)
  return { store, next, size, until }
})

describe("the loader", () => {
  it.effect(
    "takes a refusal for what was so when it was asked, and asks again for what it may not know",
    () =>
      Effect.gen(function* () {
        const { store, next, until } = yield* connected
        store.dispatch(added(2))
        const asked = yield* next(Calls.getConversation)
        store.dispatch({ type: "members wanted", id: ID })
        const members = yield* next(Calls.listMembers)

        store.dispatch(removed(3), added(4), { type: "members wanted", id: ID })
        yield* asked.fail(notMember)
        const again = yield* next(Calls.getConversation)
        assert.isTrue(store.state.conversations.has(ID))
        yield* members.fail(notMember)
        const membersAgain = yield* next(Calls.listMembers)
        yield* membersAgain.succeed({ members: model.members(ID) })
        yield* again.succeed(entry)
        yield* until(({ sync }) => sync.requests.size === 0)
        assert.strictEqual(store.state.members.get(ID)?.size, 2)
        assert.deepEqual(store.state.conversations.get(ID), entry)
      })
  )

  it.effect(
    "gives a conversation that was opened again its own messages, not those of the opening before",
    () =>
      Effect.gen(function* () {
        const { store, next, until } = yield* connected
        store.dispatch({ type: "opened", id: ID, around: undefined })
        const before = yield* next(Calls.history)
        store.dispatch({ type: "closed", id: ID }, { type: "opened", id: ID, around: undefined })
        const after = yield* next(Calls.history)
        yield* before.succeed([])
        yield* until(({ sync }) => sync.requests.size === 1)
        assert.isTrue(store.state.timelines.get(ID)?.isLoading)
        const messages = [{ id: 9, sender_id: 2, content: "hello", conversation_id: ID }]
        yield* after.succeed(messages)
        yield* until(({ timelines }) => timelines.get(ID)?.isLoading === false)
        assert.deepEqual<ReadonlyArray<unknown> | undefined>(
          store.state.timelines.get(ID)?.messages,
          messages
        )
      })
  )

  it.effect("shows what is known, and asks again, after an answer that is none of the server", () =>
    Effect.gen(function* () {
      const { store, next, until } = yield* connected
      store.dispatch({ type: "connected", cursor: 9, epoch: "e", recovered: false })
      for (const error of [ofProxy, notMember, new Unreachable({ message: "No answer" })]) {
        const list = yield* next(Calls.listConversations)
        yield* list.fail(error)
        yield* TestClock.adjust("2 seconds")
        assert.isTrue(store.state.conversations.has(ID))
        assert.isFalse(store.state.list.isLoaded)
      }
      const list = yield* next(Calls.listConversations)
      yield* list.succeed({ conversations: [entry], next: null })

      store.dispatch({ type: "opened", id: ID, around: undefined })
      const history = yield* next(Calls.history)
      yield* history.fail(ofProxy)
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(store.state.timelines.get(ID)?.isLoading)
      const again = yield* next(Calls.history)
      yield* again.fail(notMember)
      yield* until(({ timelines }) => timelines.get(ID)?.isLoading === false)
    })
  )

  it.effect("asks for nothing any more once the client is closed for good", () =>
    Effect.gen(function* () {
      const { store, next, size } = yield* connected
      store.dispatch({ type: "opened", id: ID, around: undefined })
      const history = yield* next(Calls.history)
      store.dispatch({ type: "status", status: { type: "closed", reason: "unauthorized", message: "No" } })
      yield* history.fail(new Unreachable({ message: "No answer" }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* size(Calls.history), 0)
    })
  )
})
