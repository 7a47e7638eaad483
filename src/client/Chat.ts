import { Effect, FiberSet, Queue, type Scope, Stream } from "effect"
import { Socket } from "effect/socket"
import type { UserId } from "../domain/User.ts"
import * as Account from "./Account.ts"
import * as Commands from "./Commands.ts"
import * as Connection from "./Connection.ts"
import { Calls } from "./Endpoints.ts"
import { messageOf } from "./Events.ts"
import * as Execute from "./Execute.ts"
import * as Groups from "./Groups.ts"
import { indexedDbStorage } from "./IndexedDbStorage.ts"
import * as Kept from "./Kept.ts"
import * as Loader from "./Loader.ts"
import * as Opened from "./Opened.ts"
import * as Outbox from "./Outbox.ts"
import * as People from "./People.ts"
import { makeReaders, type ReaderEvent } from "./Readers.ts"
import * as Rest from "./Rest.ts"
import { saving } from "./Saving.ts"
import type { State } from "./State.ts"
import { type ClientStorage, memoryStorage } from "./Storage.ts"
import { makeStore } from "./Store.ts"
import { subscribed } from "./Subscribed.ts"
import * as Token from "./Token.ts"
import * as Typing from "./Typing.ts"
import { onHidden, onWakeUp } from "./WakeUps.ts"

export interface ConnectOptions {
  /** Where the server is, such as `https://chat.example.com`, with the path that it has there. */
  readonly url: string
  /** Whose chat it is. Left out, the server is asked whose the token is: that needs a token and a network. */
  readonly userId?: number | undefined
  /** A token, or a function that gets one; none for a server without authentication. */
  readonly token?: Token.TokenSource | undefined
  /** Where the outbox and the snapshot live. IndexedDB where there is one, else memory. */
  readonly storage?: ClientStorage | undefined
}

/**
 * A user's chat, connected until the scope closes. Fails only without a `userId`, when the server cannot be asked for it.
 *
 * What a person asked for (`send`, `edit`, `remove`, `react`, `markRead`) goes through the outbox: it is shown at once, kept, and
 * carried out once there is a connection. Other calls need a connection, and fail without one.
 */
export const make = Effect.fnUntraced(function* (options: ConnectOptions) {
  const url = options.url.replace(/\/+$/, "")
  const tokens = Token.make(options.token)
  const rest = Rest.make(url, tokens)
  const user_id = (options.userId ?? (yield* rest(Calls.me, {})).id) as UserId
  const storage = options.storage ?? defaultStorage(`mini-chat ${options.url} ${user_id}`)
  const store = makeStore(user_id)
  const kept = Kept.make(storage, store)
  const fork = yield* FiberSet.makeRuntime<never>()

  yield* Effect.addFinalizer(() => Effect.sync(() => storage.close?.()))
  const readers = yield* makeReaders(store)
  const state = yield* kept.load
  if (state !== undefined) store.dispatch({ type: "restored", state })

  let outbox: Outbox.Outbox | undefined
  const onEvents = (events: ReadonlyArray<ReaderEvent>) => {
    for (const event of events) {
      if (event.type !== "message_sent") continue
      typing.sent(event.conversation_id)
      if (event.client_id !== undefined && outbox !== undefined)
        fork(outbox.reported(event.client_id, messageOf(event)))
    }
    readers.offer(events)
  }
  const connection = yield* Connection.make(url, store, tokens, rest, onEvents).pipe(
    Effect.provide(Socket.layerWebSocketConstructorGlobal)
  )
  const typing = yield* Typing.make(connection)
  const loader = yield* Loader.make(store, rest)
  outbox = yield* Outbox.make(store, kept, connection, Execute.make(user_id, connection, rest, loader))
  const { refresh } = outbox

  yield* subscribed(() => store.subscribeAll(loader.check))
  yield* subscribed(() => onWakeUp(() => fork(connection.nudge)))
  yield* subscribed(() => storage.watch?.((isCleared) => fork(isCleared ? connection.forgotten : refresh)))
  yield* refresh

  const save = yield* saving(store, kept, readers.areCaughtUp)
  yield* subscribed(() => onHidden(() => fork(save)))

  return {
    ...Commands.make(store, outbox),
    ...Opened.make(store, loader),
    ...Groups.make(user_id, rest),
    ...People.make(user_id, rest, loader),
    ...Account.make(user_id, rest, Rest.makeDownload(url, tokens)),
    store,
    /** The state now, and after each change. A slow reader misses states, and gets the latest. */
    states: Stream.callback<State>(
      (queue) =>
        subscribed(() => {
          Queue.offerUnsafe(queue, store.state)
          return store.subscribe((current) => Queue.offerUnsafe(queue, current))
        }),
      { bufferSize: 1, strategy: "sliding" }
    ),
    /** Opens the events of the inbox from now on: all since the snapshot of the storage, when nothing was awaited before. */
    openEvents: readers.open,
    /** The events from when the stream is run. It fails with the reason once the client is closed for good. */
    events: Stream.unwrap(
      Effect.map(
        Effect.acquireRelease(readers.open, ({ close }) => close),
        ({ next }) => Stream.fromEffectRepeat(next)
      )
    ),
    /** Shows the others that the user types. Call it at each key: frames are sent as often as needed. */
    typing: (conversationId: number, isTyping = true) => typing.update(conversationId, isTyping),
    /** Whose presence is in the state from now on, at most 200 users. It replaces the call before it, and outlives the connection. */
    watch: (userIds: ReadonlyArray<number>) => connection.watch(userIds as ReadonlyArray<UserId>),
    /** Writes the snapshot now, as is done when the page is hidden: it may be ended without a word then. */
    save,
    /** Forgets everything that is stored of this user on this device, as after a log-out. */
    forget: kept.clear,
    /** Connects now if it is waiting to. */
    nudge: connection.nudge,
    sendFrame: connection.sendFrame
  }
})

const defaultStorage = (name: string) =>
  "indexedDB" in globalThis ? indexedDbStorage(name) : memoryStorage()

/** The Effect face of the client. */
export type EffectChat = Effect.Success<ReturnType<typeof make>>
export type { Scope }
