import { useEffect } from "preact/hooks"
import type { Message } from "../src/client/MiniChat.ts"
import { articleWith, deleting, nameOf, type Place } from "./messageActions.ts"
import { Question } from "./Question.tsx"
import type { Session } from "./session.ts"

/** Asks at a message whether it is to be deleted. */
export const DeleteQuestion = ({
  session,
  place,
  message
}: {
  session: Session
  place: Place
  message: Message
}) => {
  const close = () => {
    deleting.value = undefined
  }
  // Out of sight it is not asked any more.
  useEffect(
    () => () => {
      if (deleting.value === nameOf(session, message.id)) close()
    },
    []
  )
  // The button that has the focus goes with the question.
  const answer = () => {
    articleWith(session, message.id)?.focus()
    close()
  }
  return (
    <Question
      text="Delete for everybody?"
      yes="Delete"
      no="Keep"
      onYes={() => {
        answer()
        session.attempt(session.client.remove(place.id, message.id))
      }}
      onNo={answer}
    />
  )
}
