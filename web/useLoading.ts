import { useEffect, useRef } from "preact/hooks"
import { Refused } from "../src/client/MiniChat.ts"
import type { Session } from "./session.ts"

/** When a page that could not be loaded is asked for again, in milliseconds. */
const RETRY = 2000

/** After how many milliseconds a call that failed so is made again. */
export const retryAfter = (cause: unknown): number =>
  (cause instanceof Refused ? cause.retryAfter : undefined) ?? RETRY

/**
 * Loads pages one after the other. After each it calls `more`, which loads the next one if that is wanted: at the very end of what is
 * loaded nobody can scroll any further, so no event would come. Without a connection the banner says so, and being back loads it.
 */
export const useLoading = ({ client }: Session, more: () => void) => {
  const current = useRef({ more, isLoading: false, isGone: false })
  current.current.more = more
  useEffect(
    () => () => {
      current.current.isGone = true
    },
    []
  )
  const end = () => {
    current.current.isLoading = false
    if (!current.current.isGone && client.state.status.type === "online") current.current.more()
  }
  return {
    isLoading: () => current.current.isLoading,
    load: (page: Promise<void>) => {
      current.current.isLoading = true
      page.then(
        // In a task of its own: before the page is drawn, the end seems as near as it was.
        () => setTimeout(end),
        (cause) => setTimeout(end, retryAfter(cause))
      )
    }
  }
}
