import { useEffect } from "preact/hooks"
import type { ConversationEntry, Message } from "../src/client/MiniChat.ts"
import { articleWith, deleting, nameOf } from "./messageActions.ts"
import { Question } from "./Question.tsx"
import type { Session } from "./session.ts"

/** Asks at a message whether it is to be deleted. */
export const DeleteQuestion = ({
  session,
  entry,
  message
}: {
  session: Session
  entry: ConversationEntry
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
        session.attempt(session.client.remove(entry.id, message.id))
      }}
      onNo={answer}
    />
  )
}
