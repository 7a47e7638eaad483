import type { Input } from "./Input.ts"
import { reduce } from "./Reducer.ts"
import { initialState, type State } from "./State.ts"
import type { UserId } from "../domain/User.ts"

/** The one place where the state of a client is, and the one way to change it. */
export interface Store {
  readonly state: State
  /** Takes what happened, all of it in one step, and then tells the listeners, once. */
  dispatch(...inputs: ReadonlyArray<Input>): void
  /** Calls the listener after each change, until the returned function is called. */
  subscribe(listener: (state: State) => void): () => void
}

export const makeStore = (userId: UserId): Store => {
  let state = initialState(userId)
  const listeners = new Set<(state: State) => void>()
  return {
    get state() {
      return state
    },
    dispatch: (...inputs) => {
      const next = reduce(state, inputs)
      if (next === state) return
      state = next
      for (const listener of [...listeners]) {
        try {
          listener(next)
        } catch (error) {
          // The fault of one listener must not keep an event from the others, or from the connection.
          reportError(error)
        }
      }
    },
    subscribe: (listener) => {
      // Two subscriptions of one function are two.
      const own = (current: State) => listener(current)
      listeners.add(own)
      return () => listeners.delete(own)
    }
  }
}

const reportError = (error: unknown): void => {
  const report = (globalThis as { readonly reportError?: (error: unknown) => void }).reportError
  if (report === undefined) queueMicrotask(() => Promise.reject(error))
  else report(error)
}
