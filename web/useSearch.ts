import { useEffect, useRef, useState } from "preact/hooks"
import { type Found, type Message, Refused } from "../src/client/MiniChat.ts"
import { reasonOf } from "./server.ts"
import type { Session } from "./session.ts"
import { QUIET } from "./useAnswer.ts"

/** How many messages one call asks for. A server that is busy answers with fewer, or with none, and says where to go on. */
const PAGE = 20

interface Progress {
  readonly messages: ReadonlyArray<Message>
  /** Where the search goes on; null at its end, `undefined` before its first answer. */
  readonly next: number | null | undefined
  readonly isSearching: boolean
  /** Why the last call failed: it may be tried again. */
  readonly error: string | undefined
}

const BEGINNING: Progress = { messages: [], next: undefined, isSearching: true, error: undefined }

export interface Search extends Progress {
  /** Whether `more` would find older messages, or may. */
  readonly canGoOn: boolean
  /** Looks for older messages, unless a call is under way. Without an answer it asks the same again. */
  more(): void
}

/** Searches messages, newest first, a call at a time. While new words have no answer the last one stays. */
export const useSearch = (session: Session, words: string): Search => {
  const [progress, setProgress] = useState(BEGINNING)
  /** The search that is shown: an answer to another one is dropped. */
  const current = useRef({})

  const searchFrom = async ({ messages, next }: Progress) => {
    const own = current.current
    const isLate = () => own !== current.current
    setProgress((shown) => ({ ...shown, isSearching: true, error: undefined }))
    try {
      const found = await searchWhenAllowed(session, words, next ?? undefined, isLate)
      if (!isLate()) setProgress({ ...found, messages: [...messages, ...found.messages], ...IDLE })
    } catch (cause) {
      if (!isLate()) setProgress({ messages, next, ...IDLE, error: reasonOf(cause) })
    }
  }
  useEffect(() => {
    current.current = {}
    setProgress((shown) => ({ ...shown, isSearching: true, error: undefined }))
    const timer = setTimeout(() => searchFrom(BEGINNING), QUIET)
    return () => {
      current.current = {}
      clearTimeout(timer)
    }
  }, [session, words])
  const { isSearching, next } = progress
  return {
    ...progress,
    canGoOn: !isSearching && next !== null,
    more: () => {
      if (!isSearching && next !== null) searchFrom(progress)
    }
  }
}

const IDLE = { isSearching: false, error: undefined } as const

/** Searches once the rate of this user's searches allows it. */
const searchWhenAllowed = async (
  session: Session,
  words: string,
  before: number | undefined,
  isLate: () => boolean
): Promise<Found> => {
  while (true) {
    try {
      return await session.client.search(words, { limit: PAGE, ...(before !== undefined && { before }) })
    } catch (cause) {
      if (!(cause instanceof Refused && cause.status === 429) || isLate()) throw cause
      await new Promise((resolve) => setTimeout(resolve, cause.retryAfter))
    }
  }
}
