import { Effect, Exit, FiberMap, Semaphore } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Calls } from "./Endpoints.ts"
import type { Page } from "./Input.ts"
import type { Refused, Rest, RestError } from "./Rest.ts"
import type { Store } from "./Store.ts"

/** How many messages and conversations one call loads. */
const MESSAGES = 50
const CONVERSATIONS = 50

/** All members of a group are read at once, as far as one answer goes. */
const MEMBERS = 1000

/** How many blocks one call loads. */
const BLOCKS = 100

/** How many calls load at the same time. A browser has six connections to a host. */
const AT_ONCE = 4

/** When a call that got no answer is made again, in milliseconds. */
const RETRY = 2000

/** Loads by REST what the state says is missing, and the pages that are asked for. */
export interface Loader {
  /** Starts to load what is missing and is not being loaded. */
  readonly check: Effect.Effect<void>
  readonly moreConversations: Effect.Effect<void, RestError>
  older(id: ConversationId): Effect.Effect<void, RestError>
  newer(id: ConversationId): Effect.Effect<void, RestError>
  /** Makes a call whose answer is put into the state together with the events that came meanwhile. */
  asked<A>(
    call: Effect.Effect<A, RestError>,
    page: (answer: A) => Page | undefined
  ): Effect.Effect<A, RestError>
}

export const make = Effect.fnUntraced(function* (store: Store, rest: Rest) {
  const fibers = yield* FiberMap.make<string>()
  const places = yield* Semaphore.make(AT_ONCE)
  let requests = 0
  const user_id = store.state.userId

  const asked: Loader["asked"] = (call, page) =>
    Effect.suspend(() => {
      const request = ++requests
      store.dispatch({ type: "requested", request })
      return Effect.onExit(call, (exit) =>
        Effect.sync(() =>
          store.dispatch({
            type: "answered",
            request,
            page: Exit.isSuccess(exit) ? page(exit.value) : undefined
          })
        )
      )
    }).pipe(places.withPermit)

  /** Repeats a call until it is answered or refused for good. */
  const withRetries = <A>(call: Effect.Effect<A, RestError>): Effect.Effect<A, Refused> =>
    Effect.catch(call, (error) => {
      if (error._tag === "Unreachable") return Effect.delay(withRetries(call), RETRY)
      // The connection finds out what is wrong with the token, and ends the client if that is final. A code that is the status
      // comes from a proxy, which knows nothing of users and messages.
      const isOpen = error.status === 401 || error.code === String(error.status)
      const again = isOpen ? RETRY : error.retryAfter
      return again === undefined ? Effect.fail(error) : Effect.delay(withRetries(call), again)
    })

  const conversations = (isFirst: boolean) => {
    const before = isFirst ? undefined : (store.state.list.next ?? undefined)
    return asked(
      rest(Calls.listConversations, {
        query: { user_id, limit: CONVERSATIONS, before }
      }),
      (page): Page => ({ type: "conversations", ...page, before })
    )
  }

  const conversation = (id: ConversationId) =>
    asked(
      rest(Calls.getConversation, { params: { conversation_id: id }, query: { user_id } }),
      (entry): Page => ({ type: "conversation", id, entry })
    )

  const history = (id: ConversationId, place: { readonly before_id?: number; readonly after_id?: number }) =>
    Effect.map(
      rest(Calls.history, { query: { user_id, conversation_id: id, limit: MESSAGES, ...place } }),
      // Newest first, but those after a message oldest first.
      (messages) => (place.after_id === undefined ? messages.toReversed() : messages)
    )

  const loadOf = (id: ConversationId) => store.state.timelines.get(id)?.load ?? 0

  const newest = (id: ConversationId) => {
    const load = loadOf(id)
    return asked(
      history(id, {}),
      (messages): Page => ({
        type: "messages",
        id,
        load,
        messages,
        side: "all",
        hasOlder: messages.length === MESSAGES,
        hasNewer: false
      })
    )
  }

  const further = (id: ConversationId, side: "older" | "newer") =>
    Effect.suspend(() => {
      const timeline = store.state.timelines.get(id)
      if (timeline === undefined || !timeline[side === "older" ? "hasOlder" : "hasNewer"]) return Effect.void
      const { messages: known, load } = timeline
      const place =
        side === "older"
          ? { before_id: known[0]?.id ?? Number.MAX_SAFE_INTEGER }
          : { after_id: known.at(-1)?.id ?? 0 }
      return Effect.asVoid(
        asked(history(id, place), (messages: ReadonlyArray<Message>): Page => {
          const isMore = messages.length === MESSAGES
          return { type: "messages", id, load, messages, side, hasOlder: isMore, hasNewer: isMore }
        })
      )
    })

  const around = (id: ConversationId, messageId: MessageId) => {
    const load = loadOf(id)
    const parts = Effect.all([
      history(id, { before_id: messageId + 1 }),
      history(id, { after_id: messageId })
    ])
    return asked(
      parts,
      ([before, after]): Page => ({
        type: "messages",
        id,
        load,
        messages: [...before, ...after],
        side: "all",
        hasOlder: before.length === MESSAGES,
        hasNewer: after.length === MESSAGES
      })
    )
  }

  const members = (id: ConversationId) =>
    asked(
      rest(Calls.listMembers, { params: { conversation_id: id }, query: { user_id, limit: MEMBERS } }),
      ({ members }): Page => ({ type: "members", id, members })
    )

  const blockedFrom = (after?: number): Effect.Effect<ReadonlyArray<UserId>, RestError> =>
    Effect.flatMap(
      rest(Calls.listBlocks, {
        params: { user_id },
        query: { limit: BLOCKS, after }
      }),
      ({ blocks, next }) => {
        const ids = blocks.map(({ blocked_id }) => blocked_id)
        return next === null
          ? Effect.succeed(ids)
          : Effect.map(blockedFrom(next), (more) => [...ids, ...more])
      }
    )

  const blocks = asked(blockedFrom(), (ids): Page => ({ type: "blocks", blocked: new Set(ids) }))

  const profile = asked(
    rest(Calls.getUser, { params: { user_id } }),
    (profile): Page => ({ type: "profile", profile })
  )

  /** Loads one thing, unless it is being loaded. What is refused for good is `instead`, so that it is not asked for again. */
  const load = (key: string, call: Effect.Effect<unknown, RestError>, instead: Page) =>
    FiberMap.run(
      fibers,
      // Keys of an earlier generation name requests whose answers are dropped.
      `${store.state.sync.generation} ${key}`,
      Effect.catch(withRetries(call), () => Effect.ignore(asked(Effect.void, () => instead))),
      { onlyIfMissing: true }
    )

  return {
    check: Effect.gen(function* () {
      const { sync, list, timelines, status } = store.state
      if (sync.cursor === undefined || status.type === "closed") return
      if (!list.isLoaded) {
        yield* load("list", conversations(true), {
          type: "conversations",
          // Those that are known: their snapshot stays.
          conversations: [...store.state.conversations.values()],
          next: null,
          before: undefined
        })
      }
      if (sync.wantsBlocks) yield* load("blocks", blocks, { type: "blocks", blocked: new Set() })
      if (sync.wantsProfile) yield* load("profile", profile, { type: "profile", profile: undefined })
      for (const id of sync.wanted) {
        yield* load(`conversation ${id}`, conversation(id), { type: "conversation", id, entry: undefined })
      }
      for (const id of sync.wantedMembers) {
        yield* load(`members ${id}`, members(id), { type: "members", id, members: [] })
      }
      for (const [id, timeline] of timelines) {
        if (!timeline.isLoading) continue
        const { load: number } = timeline
        yield* load(
          `messages ${id} ${number}`,
          timeline.around === undefined ? newest(id) : around(id, timeline.around),
          { type: "messages", id, load: number, messages: [], side: "all", hasOlder: false, hasNewer: false }
        )
      }
    }),
    moreConversations: Effect.suspend(() =>
      store.state.list.next === null ? Effect.void : Effect.asVoid(conversations(false))
    ),
    older: (id) => further(id, "older"),
    newer: (id) => further(id, "newer"),
    asked
  } satisfies Loader as Loader
})
