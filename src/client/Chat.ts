import { Effect, FiberSet, Queue, type Scope, Stream } from "effect"
import { Socket } from "effect/socket"
import type { ClientFrame } from "../api/Protocol.ts"
import type { Conversation, Member } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { OutboxEntry } from "./Command.ts"
import * as Connection from "./Connection.ts"
import { Calls } from "./Endpoints.ts"
import { messageOf } from "./Events.ts"
import * as Kept from "./Kept.ts"
import * as Loader from "./Loader.ts"
import * as Outbox from "./Outbox.ts"
import * as People from "./People.ts"
import { type Reader, readEvents } from "./Readers.ts"
import * as Rest from "./Rest.ts"
import { isComplete } from "./Snapshot.ts"
import type { InboxEvent, State } from "./State.ts"
import type { ClientStorage } from "./Storage.ts"
import { makeStore } from "./Store.ts"
import * as Token from "./Token.ts"
import { wakeUps } from "./WakeUps.ts"

export interface Options {
  /** Where the server is, such as `https://chat.example.com`, with the path that it has there. */
  readonly url: string
  readonly userId: number
  /** A token, or a function that gets one; none for a server without authentication. */
  readonly token?: Token.TokenSource | undefined
  readonly storage: ClientStorage
}

/** To whom a message goes: a user, or a conversation. */
export type Target = { readonly userId: number } | { readonly conversationId: number }

/** What a message may have beside its content. */
export interface SendOptions {
  readonly replyTo?: number
  readonly metadata?: NonNullable<Message["metadata"]>
  /** The message's idempotency key. Two sends with the same one are one message, for ever. Drawn when it is left out. */
  readonly clientId?: string
}

/** How long after a change the snapshot is written, in milliseconds: one write for many changes. */
const SNAPSHOT_AFTER = 1000

/** How many typing frames are told: one in this many milliseconds a conversation. */
const TYPING_EVERY = 2000

/**
 * A user's chat, connected until the scope closes.
 *
 * What a person asked for (`send`, `edit`, `remove`, `react`, `markRead`) goes through the outbox: it is shown at once, kept, and
 * told to the server once there is a connection. Other calls need a connection, and fail without one.
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const url = options.url.replace(/\/+$/, "")
  const user_id = options.userId as UserId
  const store = makeStore(user_id)
  const kept = Kept.make(options.storage, store)
  const tokens = Token.make(options.token)
  const rest = Rest.make(url, tokens)
  const fork = yield* FiberSet.makeRuntime<never>()
  const readers = new Set<Reader>()

  yield* Effect.addFinalizer(() => Effect.sync(() => options.storage.close?.()))
  const { state, outbox: unsent } = yield* kept.load
  if (state !== undefined) store.dispatch({ type: "restored", state })
  store.dispatch({ type: "stored", entries: unsent })

  let outbox: Outbox.Outbox | undefined
  const onEvents = (events: ReadonlyArray<InboxEvent>) => {
    for (const event of events) {
      if (event.type === "message_sent" && event.client_id !== undefined && outbox !== undefined)
        fork(outbox.reported(event.client_id, messageOf(event)))
    }
    for (const reader of readers) for (const event of events) reader.offer(event)
  }
  const connection = yield* Connection.make(url, store, tokens, rest, onEvents).pipe(
    Effect.provide(Socket.layerWebSocketConstructorGlobal)
  )
  const loader = yield* Loader.make(store, rest)
  outbox = yield* Outbox.make(store, kept, connection, rest, loader)
  const { add, refresh } = outbox

  yield* Effect.acquireRelease(
    Effect.sync(() => store.subscribeAll(() => fork(loader.check))),
    (unsubscribe) => Effect.sync(unsubscribe)
  )
  yield* wakeUps(() => fork(connection.nudge))
  yield* Effect.acquireRelease(
    Effect.sync(() => options.storage.watch?.(() => fork(refresh))),
    (unwatch) => Effect.sync(() => unwatch?.())
  )
  yield* refresh

  /** Writes the snapshot once all events until it were taken by those who read events: a crash tells them again. */
  const isCaughtUp = () => [...readers].every((reader) => reader.isCaughtUp())
  const saveSnapshot = Effect.suspend(() =>
    isCaughtUp() && isComplete(store.state) ? kept.saveSnapshot(store.state) : Effect.void
  )
  let saved: State["sync"]["cursor"]
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        yield* Effect.sleep(SNAPSHOT_AFTER)
        const { cursor } = store.state.sync
        if (cursor === saved || !isCaughtUp() || !isComplete(store.state)) return
        saved = cursor
        yield* saveSnapshot
      })
    )
  )

  const conversationOf = (messageId: number, conversationId: number) => ({
    conversation_id: conversationId as ConversationId,
    message_id: messageId as MessageId
  })
  const params = (conversationId: number) => ({ conversation_id: conversationId })
  const typingTold = new Map<number, number>()

  /** Waits until a part of the state is there. */
  const until = (isThere: (state: State) => boolean) =>
    Effect.callback<void>((resume) => {
      const check = (current: State) => {
        if (isThere(current) || current.status.type === "closed") resume(Effect.void)
      }
      const unsubscribe = store.subscribeAll(check)
      check(store.state)
      return Effect.sync(unsubscribe)
    })

  return {
    ...People.make(user_id, rest),
    store,
    /** The state now, and after each change. A slow reader misses states, and gets the latest. */
    states: Stream.callback<State>(
      (queue) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            Queue.offerUnsafe(queue, store.state)
            return store.subscribe((current) => Queue.offerUnsafe(queue, current))
          }),
          (unsubscribe) => Effect.sync(unsubscribe)
        ),
      { bufferSize: 1, strategy: "sliding" }
    ),
    /** Opens the events of the inbox from now on: all since the snapshot of the storage, when nothing was awaited before. */
    openEvents: readEvents(readers),
    /** The events from when the stream is run. */
    events: Stream.unwrap(
      Effect.map(
        Effect.acquireRelease(readEvents(readers), ({ close }) => close),
        ({ next }) => Stream.fromEffectRepeat(next)
      )
    ),
    send: (to: Target, content: string, { replyTo, metadata, clientId }: SendOptions = {}) =>
      add(
        {
          type: "send",
          ...("userId" in to
            ? { receiver_id: to.userId as UserId }
            : { conversation_id: to.conversationId as ConversationId }),
          content,
          ...(replyTo === undefined ? {} : { reply_to_id: replyTo as MessageId }),
          ...(metadata === undefined ? {} : { metadata })
        },
        clientId
      ),
    acknowledged: outbox.acknowledged,
    retry: outbox.retry,
    discard: outbox.discard,
    edit: (conversationId: number, messageId: number, content: string, version?: number) =>
      add({
        type: "edit",
        ...conversationOf(messageId, conversationId),
        content,
        ...(version === undefined ? {} : { version })
      }),
    remove: (conversationId: number, messageId: number) =>
      add({ type: "delete", ...conversationOf(messageId, conversationId) }),
    react: (conversationId: number, messageId: number, emoji: string, added = true) =>
      add({ type: "react", ...conversationOf(messageId, conversationId), emoji, added }),
    markRead: (conversationId: number, messageId: number) =>
      Effect.suspend((): Effect.Effect<OutboxEntry | undefined> => {
        const known = store.state.conversations.get(conversationId as ConversationId)
        if (known !== undefined && known.last_read_id >= messageId) return Effect.succeed(undefined)
        return add({ type: "read", ...conversationOf(messageId, conversationId) })
      }),
    /** Tells the others that the user types, as often as it is of use. Call it at each key. */
    typing: (conversationId: number, typing = true) =>
      Effect.suspend(() => {
        const now = Date.now()
        if (typing && now - (typingTold.get(conversationId) ?? 0) < TYPING_EVERY) return Effect.void
        if (typing) typingTold.set(conversationId, now)
        else if (!typingTold.delete(conversationId)) return Effect.void
        return connection.tell({ type: "typing", conversation_id: conversationId as ConversationId, typing })
      }),
    /** Whose presence is told from now on, at most 200. It replaces the call before it, and outlives the connection. */
    watch: (userIds: ReadonlyArray<number>) => connection.watch(userIds as ReadonlyArray<UserId>),
    /** Loads the newest messages of a conversation and keeps them, or those around one message. */
    open: Effect.fnUntraced(function* (conversationId: number, around?: number) {
      const id = conversationId as ConversationId
      store.dispatch({ type: "opened", id, around: around as MessageId | undefined })
      yield* until((current) => current.timelines.get(id)?.isLoading !== true)
    }),
    /** Forgets the messages of a conversation. */
    close: (conversationId: number) =>
      Effect.sync(() => store.dispatch({ type: "closed", id: conversationId as ConversationId })),
    loadOlder: (conversationId: number) => loader.older(conversationId as ConversationId),
    loadNewer: (conversationId: number) => loader.newer(conversationId as ConversationId),
    loadConversations: loader.moreConversations,
    /** Loads the members of a group and keeps them. */
    loadMembers: Effect.fnUntraced(function* (conversationId: number) {
      const id = conversationId as ConversationId
      store.dispatch({ type: "members wanted", id })
      yield* until((current) => !current.sync.wantedMembers.has(id))
    }),
    /** Loads whom the user has blocked, and keeps it. */
    loadBlocks: Effect.suspend(() => {
      store.dispatch({ type: "blocks wanted" })
      return until((current) => !current.sync.wantsBlocks)
    }),
    createGroup: (title: string, memberIds: ReadonlyArray<number>, more: GroupOptions = {}) =>
      rest(Calls.createConversation, {
        payload: {
          user_id,
          kind: "group",
          title,
          member_ids: memberIds,
          client_id: more.clientId ?? Outbox.randomId(),
          ...extras(more)
        }
      }) as Effect.Effect<Conversation, Rest.RestError>,
    openDirect: (userId: number): Effect.Effect<Conversation, Rest.RestError> =>
      rest(Calls.createConversation, { payload: { user_id, kind: "direct", with: userId } }),
    updateGroup: (
      conversationId: number,
      change: { readonly title?: string; readonly metadata?: NonNullable<Message["metadata"]> | null }
    ): Effect.Effect<Conversation, Rest.RestError> =>
      rest(Calls.updateConversation, { params: params(conversationId), payload: { user_id, ...change } }),
    putMember: (
      conversationId: number,
      memberId: number,
      role?: Member["role"]
    ): Effect.Effect<Member, Rest.RestError> =>
      rest(Calls.putMember, {
        params: { ...params(conversationId), member_id: memberId },
        payload: { user_id, ...(role === undefined ? {} : { role }) }
      }),
    removeMember: (conversationId: number, memberId: number): Effect.Effect<void, Rest.RestError> =>
      rest(Calls.removeMember, {
        params: { ...params(conversationId), member_id: memberId },
        query: { user_id }
      }),
    leave: (conversationId: number): Effect.Effect<void, Rest.RestError> =>
      rest(Calls.removeMember, {
        params: { ...params(conversationId), member_id: user_id },
        query: { user_id }
      }),
    /** Writes the snapshot now. A page calls it when it is hidden. */
    save: saveSnapshot,
    /** Forgets everything that is stored of this user on this device, as after a log-out. */
    forget: kept.clear,
    /** Connects now if it is waiting to. */
    nudge: connection.nudge,
    tell: (frame: ClientFrame) => connection.tell(frame)
  }
})

export interface GroupOptions {
  readonly history?: Conversation["history"]
  readonly metadata?: NonNullable<Message["metadata"]>
  /** The idempotency key of the group: a repeated call with the same one makes no second group. */
  readonly clientId?: string
}

const extras = ({ history, metadata }: GroupOptions) => ({
  ...(history === undefined ? {} : { history }),
  ...(metadata === undefined ? {} : { metadata })
})

/** The Effect face of the client. */
export type EffectChat = Effect.Success<ReturnType<typeof make>>
export type { Scope }
