import { Effect } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { MessageId } from "../domain/Message.ts"
import type { Loader } from "./Loader.ts"
import type { State } from "./State.ts"
import type { Store } from "./Store.ts"

/** What an application wants to see: it is loaded into the state, and kept up to date there. */
export const make = (store: Store, loader: Loader) => {
  /** Waits until a part of the state is there, or the client is closed for good. */
  const until = (isThere: (state: State) => boolean) =>
    Effect.callback<void>((resume) => {
      const check = (current: State) => {
        if (isThere(current) || current.status.type === "closed") resume(Effect.void)
      }
      const unsubscribe = store.subscribeAll(check)
      check(store.state)
      return Effect.sync(unsubscribe)
    })

  const loadPart = (part: "wantsBlocks" | "wantsProfile") =>
    Effect.suspend(() => {
      store.dispatch({ type: "wanted", part })
      return until((current) => !current.sync[part])
    })

  /** Until the first page is there, there is nothing that another one could be joined to. */
  const loaded = (id: ConversationId) => until((current) => current.timelines.get(id)?.isLoading !== true)
  const further = (load: (id: ConversationId) => ReturnType<Loader["older"]>) => (conversationId: number) => {
    const id = conversationId as ConversationId
    return Effect.andThen(loaded(id), load(id))
  }

  return {
    /** Loads the newest messages of a conversation and keeps them, or those around one message. */
    open: Effect.fnUntraced(function* (conversationId: number, around?: number) {
      const id = conversationId as ConversationId
      store.dispatch({ type: "opened", id, around: around as MessageId | undefined })
      yield* loaded(id)
    }),
    /** Forgets the messages of a conversation. */
    close: (conversationId: number) =>
      Effect.sync(() => store.dispatch({ type: "closed", id: conversationId as ConversationId })),
    loadOlder: further(loader.older),
    loadNewer: further(loader.newer),
    loadConversations: loader.moreConversations,
    /** Loads the members of a group and keeps them. */
    loadMembers: Effect.fnUntraced(function* (conversationId: number) {
      const id = conversationId as ConversationId
      store.dispatch({ type: "members wanted", id })
      yield* until((current) => !current.sync.wantedMembers.has(id))
    }),
    /** Loads whom the user has blocked, and keeps it. */
    loadBlocks: loadPart("wantsBlocks"),
    /** Loads the user's own profile, and keeps it. */
    loadProfile: loadPart("wantsProfile")
  }
}
