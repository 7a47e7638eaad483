import { useEffect, useRef, useState } from "preact/hooks"
import type { ConversationEntry } from "../src/client/MiniChat.ts"
import { titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { QUIET } from "./useAnswer.ts"
import { retryAfter } from "./useLoading.ts"

/** How many conversations a search shows. */
const SHOWN = 20

/** How many conversations are loaded, at most, to be looked through. */
const LOOKED_THROUGH = 10_000

interface Found {
  readonly conversations: ReadonlyArray<ConversationEntry>
  /** Whether nothing more is looked through: all conversations are loaded, or enough were found. */
  readonly isOver: boolean
}

/** The conversations whose title has the words. The server knows no such search: further ones are loaded until enough are found. */
export const useFoundConversations = (session: Session, words: string): Found => {
  const all = session.conversations.value
  const { list, status } = session.state.value
  const wanted = words.toLocaleLowerCase()
  const conversations = all.filter((entry) => titleOf(entry).toLocaleLowerCase().includes(wanted))
  /** The words that were looked for last. */
  const looked = useRef("")
  /** Counts the calls that failed: each is made again. */
  const [failures, setFailures] = useState(0)
  const isOver =
    conversations.length >= SHOWN || all.length >= LOOKED_THROUGH || (list.isLoaded && list.next === null)
  const isOnline = status.type === "online"
  useEffect(() => {
    if (isOver || !isOnline || list.next === null) return
    let timer: ReturnType<typeof setTimeout> | undefined
    let isLate = false
    const again = (delay: number) => {
      if (!isLate) timer = setTimeout(() => setFailures((count) => count + 1), delay)
    }
    const load = () => session.client.loadConversations().catch((cause) => again(retryAfter(cause)))
    // The first call waits until nobody has typed on for a moment.
    timer = setTimeout(load, looked.current === wanted ? 0 : QUIET)
    looked.current = wanted
    return () => {
      isLate = true
      clearTimeout(timer)
    }
  }, [wanted, isOver, isOnline, list.next, failures])
  return { conversations: conversations.slice(0, SHOWN), isOver }
}
