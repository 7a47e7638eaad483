import { Effect, Scope } from "effect"
import { type ConnectOptions, make } from "../../../src/client/Chat.ts"
import type { State } from "../../../src/client/State.ts"
import { type ClientStorage, memoryStorage } from "../../../src/client/Storage.ts"
import type { Store } from "../../../src/client/Store.ts"

/** Waits until the state of a store is so. */
export const untilState = (store: Store, isSo: (state: State) => boolean) =>
  Effect.callback<State>((resume) => {
    const check = (state: State) => {
      if (isSo(state)) resume(Effect.succeed(state))
    }
    const unsubscribe = store.subscribeAll(check)
    check(store.state)
    return Effect.sync(unsubscribe)
  })

/** A client until the scope closes, or `close` is run. */
export const openClient = Effect.fnUntraced(function* (
  server: { readonly url: string | URL },
  user: { readonly id: number },
  options: Partial<ConnectOptions> = {}
) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
  const chat = yield* make({
    url: String(server.url),
    userId: user.id,
    storage: memoryStorage(),
    ...options
  }).pipe(Scope.provide(scope))
  return {
    ...chat,
    state: () => chat.store.state,
    /** Waits until the state is so. */
    until: (isSo: (state: State) => boolean) => untilState(chat.store, isSo),
    /** Ends as a page does that is closed: without a word, and nothing is written any more. */
    crash: Scope.close(scope, Effect.runSync(Effect.exit(Effect.void)))
  }
})

export type TestClient = Effect.Success<ReturnType<typeof openClient>>

export const isOnline = ({ status }: State) => status.type === "online"

/** The contents of all messages in a user's history that it exchanged with another, oldest first. */
export const historyOf = (
  server: { readonly url: string | URL },
  user: { readonly id: number },
  other: { readonly id: number }
) =>
  Effect.promise(async () => {
    const base = String(server.url).replace(/\/$/, "")
    const response = await fetch(`${base}/messages/?user_id=${user.id}&chat_with=${other.id}&limit=1000`)
    const messages = (await response.json()) as ReadonlyArray<{ readonly content: string }>
    return messages.map(({ content }) => content).toReversed()
  })

/** A storage that can be made to fail, as one whose quota is used up. */
export const failingStorage = () => {
  const inner = memoryStorage()
  let isFull = false
  const guarded = <A>(call: () => Promise<A>) =>
    isFull ? Promise.reject(new Error("The quota is used up")) : call()
  return {
    storage: {
      get: (key) => guarded(() => inner.get(key)),
      set: (key, value) => guarded(() => inner.set(key, value)),
      delete: (key) => guarded(() => inner.delete(key)),
      list: (prefix) => guarded(() => inner.list(prefix))
    } satisfies ClientStorage,
    inner,
    fill: (full: boolean) =>
      Effect.sync(() => {
        isFull = full
      })
  }
}
