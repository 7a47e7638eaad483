import type { UserId } from "../domain/User.ts"
import type { Input } from "./Input.ts"
import { reduce } from "./Reducer.ts"
import { initialState, type State } from "./State.ts"

/** The one place where the state of a client is, and the one way to change it. */
export interface Store {
  readonly state: State
  /** Takes what happened, all of it in one step, and then calls the listeners, once. */
  dispatch(...inputs: ReadonlyArray<Input>): void
  /** Calls the listener after each change that can be seen, until the returned function is called. */
  subscribe(listener: (state: State) => void): () => void
  /** The same, after changes of `sync` too. */
  subscribeAll(listener: (state: State) => void): () => void
}

type Listener = (state: State) => void

export const makeStore = (userId: UserId): Store => {
  let state = initialState(userId)
  const visible = new Set<Listener>()
  const all = new Set<Listener>()
  const notify = (listeners: ReadonlySet<Listener>) => {
    for (const listener of [...listeners]) {
      try {
        listener(state)
      } catch (error) {
        // A listener that throws must not keep the change from the others, nor end the connection.
        reportError(error)
      }
    }
  }
  const subscribing = (listeners: Set<Listener>) => (listener: Listener) => {
    // Two subscriptions of one function are two.
    const own: Listener = (current) => listener(current)
    listeners.add(own)
    return () => listeners.delete(own)
  }
  return {
    get state() {
      return state
    },
    dispatch: (...inputs) => {
      const before = state
      state = reduce(state, inputs)
      notify(all)
      if (isSeen(before, state)) notify(visible)
    },
    subscribe: subscribing(visible),
    subscribeAll: subscribing(all)
  }
}

/** Whether two states differ in what an application shows. */
const isSeen = (before: State, after: State): boolean =>
  (Object.keys(after) as Array<keyof State>).some((key) => key !== "sync" && before[key] !== after[key])

const reportError = (error: unknown): void => {
  const report = (globalThis as { readonly reportError?: (error: unknown) => void }).reportError
  if (report === undefined) queueMicrotask(() => Promise.reject(error))
  else report(error)
}
