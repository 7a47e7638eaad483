import { Effect, Exit, FiberSet, Semaphore } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Calls } from "./Endpoints.ts"
import type { Page } from "./Input.ts"
import type { Rest, RestError } from "./Rest.ts"
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
  check(): void
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
  const fork = yield* FiberSet.makeRuntime<never>()
  /** What is being loaded. A call changes the state, after which `check` runs again, before its fiber has been returned. */
  const loading = new Set<string>()
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

  const askedForPage = (call: Effect.Effect<Page, RestError>) => asked(call, (page) => page)

  /** Repeats a call until it is answered, or the client is closed for good. */
  const withRetries = <A>(call: Effect.Effect<A, RestError>): Effect.Effect<A, RestError> =>
    Effect.catch(call, (error) => {
      if (store.state.status.type === "closed") return Effect.fail(error)
      const again = error._tag === "Refused" ? error.retryAfter : undefined
      return Effect.delay(withRetries(call), again ?? RETRY)
    })

  const conversations = (isFirst: boolean) => {
    const before = isFirst ? undefined : (store.state.list.next ?? undefined)
    return Effect.map(
      rest(Calls.listConversations, { query: { user_id, limit: CONVERSATIONS, before } }),
      (page): Page => ({ type: "conversations", ...page, before })
    )
  }

  const conversation = (id: ConversationId) =>
    Effect.map(
      rest(Calls.getConversation, { params: { conversation_id: id }, query: { user_id } }),
      (entry): Page => ({ type: "conversation", id, entry })
    )

  const history = (id: ConversationId, place: { readonly before_id?: number; readonly after_id?: number }) =>
    Effect.map(
      rest(Calls.history, { query: { user_id, conversation_id: id, limit: MESSAGES, ...place } }),
      // Newest first, but those after a message oldest first.
      (messages) => (place.after_id === undefined ? messages.toReversed() : messages)
    )

  const newest = (id: ConversationId, load: number) =>
    Effect.map(
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

  const around = (id: ConversationId, load: number, messageId: MessageId) =>
    Effect.map(
      Effect.all([history(id, { before_id: messageId + 1 }), history(id, { after_id: messageId })]),
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

  const members = (id: ConversationId) =>
    Effect.map(
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

  const blocks = Effect.map(blockedFrom(), (ids): Page => ({ type: "blocks", blocked: new Set(ids) }))

  const profile = Effect.map(
    rest(Calls.getUser, { params: { user_id } }),
    (profile): Page => ({ type: "profile", profile })
  )

  /** Loads one thing, unless it is being loaded. When the server refuses it for good, `instead` is its answer. */
  const load = (key: string, call: Effect.Effect<Page, RestError>, instead?: Page) => {
    // A request of an earlier generation does not count: its answer is dropped.
    const name = `${store.state.sync.generation} ${key}`
    if (loading.has(name)) return
    loading.add(name)
    const answer = instead === undefined ? call : Effect.catchIf(call, isFinal, () => Effect.succeed(instead))
    fork(
      withRetries(askedForPage(answer)).pipe(
        Effect.ensuring(Effect.sync(() => loading.delete(name))),
        // With its answer it may have become missing once more.
        Effect.andThen(Effect.sync(check)),
        Effect.ignore
      )
    )
  }

  const check = () => {
    const { sync, list, timelines, status } = store.state
    if (sync.cursor === undefined || status.type === "closed") return
    // It is never given up: an empty list would be shown in place of the one that is known.
    if (!list.isLoaded) load("list", conversations(true))
    if (sync.wantsBlocks) load("blocks", blocks, { type: "blocks", blocked: new Set() })
    if (sync.wantsProfile) load("profile", profile, { type: "profile", profile: undefined })
    for (const id of sync.wanted) {
      load(`conversation ${id}`, conversation(id), { type: "conversation", id, entry: undefined })
    }
    for (const id of sync.wantedMembers) {
      load(`members ${id}`, members(id), { type: "members", id, members: [] })
    }
    for (const [id, { isLoading, load: number, around: place }] of timelines) {
      if (!isLoading) continue
      load(`messages ${number}`, place === undefined ? newest(id, number) : around(id, number, place), {
        type: "messages",
        id,
        load: number,
        messages: [],
        side: "all",
        hasOlder: false,
        hasNewer: false
      })
    }
  }

  return {
    check,
    moreConversations: Effect.suspend(() =>
      store.state.list.next === null ? Effect.void : Effect.asVoid(askedForPage(conversations(false)))
    ),
    older: (id) => further(id, "older"),
    newer: (id) => further(id, "newer"),
    asked
  } satisfies Loader as Loader
})

/**
 * Whether the server refuses a call for good. What names no problem is no answer of the server, but of a proxy before it. Of a
 * token the connection finds out what is wrong with it, and ends the client if that is final.
 */
const isFinal = (error: RestError) =>
  error._tag === "Refused" &&
  error.retryAfter === undefined &&
  error.status !== 401 &&
  error.code !== String(error.status)
