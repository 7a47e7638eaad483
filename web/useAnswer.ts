import { useEffect, useState } from "preact/hooks"
import { reasonOf } from "./server.ts"

/** How long after the last key the server is asked, in milliseconds. */
export const QUIET = 200

/** What the server says to the last `question`; `undefined` until it answers. */
export interface Answer<A> {
  /** The question that was answered last; the first one until there is an answer. */
  readonly question: string
  readonly value: A | undefined
  readonly error: string | undefined
}

/** Asks the server whenever the question changed and nothing was typed for a moment. An answer to an earlier question is dropped. */
export const useAnswer = <A>(question: string, ask: (question: string) => Promise<A>): Answer<A> => {
  const [answer, setAnswer] = useState<Answer<A>>({ question, value: undefined, error: undefined })
  useEffect(() => {
    let isLate = false
    const timer = setTimeout(
      () =>
        ask(question).then(
          (value) => !isLate && setAnswer({ question, value, error: undefined }),
          (cause) => !isLate && setAnswer({ question, value: undefined, error: reasonOf(cause) })
        ),
      question === "" ? 0 : QUIET
    )
    return () => {
      isLate = true
      clearTimeout(timer)
    }
  }, [question])
  return answer
}
