import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import {
  type ConversationEntry,
  MAX_CONTENT_LENGTH,
  type Message,
  messagesOf,
  timelineOf
} from "../src/client/MiniChat.ts"
import { isComposing } from "./composing.ts"
import { draftOf, keepDraft } from "./drafts.ts"
import { Icon } from "./Icon.tsx"
import { titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { hasTouch } from "./touch.ts"
import { useAuthor } from "./useAuthor.ts"
import { useView } from "./useView.ts"

/** Where a message is written. The draft of each conversation is kept. */
export const Composer = ({ session, entry }: { session: Session; entry: ConversationEntry }) => {
  const { userId } = session.account
  const [text, setText] = useState(() => draftOf(userId, entry.id, "text"))
  const area = useRef<HTMLTextAreaElement>(null)
  const [storing, setStoring] = useState(0)
  const editing = session.editing.value
  const replyTo = session.replyTo.value
  const messages = useView(() => messagesOf(session.state.value, entry.id), [session, entry.id])
  /** The answered message as it was when it was loaded last: a jump may lead away from it. */
  const known = useRef<Message>(undefined)
  known.current = messages.find(({ id }) => id === replyTo) ?? known.current
  const quoted = known.current?.id === replyTo ? known.current : undefined
  // Before the next key: what is typed belongs to the text that is shown.
  useLayoutEffect(() => {
    setText(editing?.content ?? draftOf(userId, entry.id, "text"))
    if (editing !== undefined) session.client.typing(entry.id, false)
  }, [editing?.id])
  // Whoever leaves the conversation does not type in it any more.
  useEffect(() => () => session.client.typing(entry.id, false), [entry.id])
  const isEditedGone = messages.some(({ id, deleted_at }) => id === editing?.id && deleted_at !== undefined)
  useLayoutEffect(() => {
    if (!isEditedGone) return
    session.editing.value = undefined
    session.error.value = "The message that you were editing is deleted."
  }, [isEditedGone])
  useEffect(() => {
    if (storing === 0) return
    // What is not stored yet would be lost with the page.
    const ask = (event: Event) => event.preventDefault()
    addEventListener("beforeunload", ask)
    return () => removeEventListener("beforeunload", ask)
  }, [storing])
  const change = (next: string) => {
    setText(next)
    if (editing === undefined) keepDraft(userId, entry.id, "text", next)
  }
  const cancel = () => {
    if (editing !== undefined) session.editing.value = undefined
    else session.answer(undefined)
  }
  const content = text.trim()
  // By code points, as the server counts. Text that is pasted is not cut: its end would be lost without a word.
  const excess = content.length <= MAX_CONTENT_LENGTH ? 0 : [...content].length - MAX_CONTENT_LENGTH
  const isSendable = content !== "" && excess <= 0
  const submit = async () => {
    if (!isSendable) return
    if (editing !== undefined) {
      if (content !== editing.content)
        await session.attempt(session.client.edit(entry.id, editing.id, content))
      cancel()
      return
    }
    change("")
    cancel()
    // It is shown where it is written, whatever was looked at.
    session.sent.value++
    setStoring((count) => count + 1)
    const sent = await session.attempt(
      session.client.send({ conversationId: entry.id }, content, replyTo === undefined ? {} : { replyTo })
    )
    setStoring((count) => count - 1)
    if (sent === undefined) {
      change(content)
      if (session.selected.value === entry.id) session.answer(replyTo)
    }
    // A refusal is shown with the message.
    else sent.acknowledged().catch(() => {})
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    // A keyboard on a screen has no Shift key to begin a new line with: there Enter does.
    if (event.key === "Enter" && !event.shiftKey && !hasTouch()) {
      event.preventDefault()
      submit()
    } else if (event.key === "Escape" && (editing !== undefined || replyTo !== undefined)) {
      event.stopPropagation()
      cancel()
    } else if (event.key === "ArrowUp" && text === "") {
      // The last one of a part of long ago is not the last one.
      if (timelineOf(session.state.value, entry.id)?.hasNewer === true) return
      const own = messages.findLast(
        ({ sender_id, deleted_at }) => sender_id === session.account.userId && deleted_at === undefined
      )
      if (own === undefined) return
      // The key would move the caret to the beginning of the text that it brings.
      event.preventDefault()
      session.editing.value = own
    }
  }
  return (
    <form
      class="composer"
      aria-busy={storing > 0}
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      {(editing !== undefined || replyTo !== undefined) && (
        <p class="context">
          {editing !== undefined ? (
            <span>
              <b>Editing</b>
            </span>
          ) : quoted === undefined ? (
            <span>
              <b>Reply to an earlier message</b>
            </span>
          ) : (
            <Answered session={session} message={quoted} />
          )}
          <button type="button" class="icon" aria-label="Cancel" onClick={cancel}>
            <Icon name="close" />
          </button>
        </p>
      )}
      {excess > 0 && (
        <p class="error" role="status">
          Too long by {excess} {excess === 1 ? "character" : "characters"}
        </p>
      )}
      <textarea
        ref={area}
        id={`text-${session.account.userId}`}
        rows={1}
        aria-label={`Message to ${titleOf(entry)}`}
        placeholder="Message"
        aria-invalid={excess > 0}
        value={text}
        onInput={(event) => {
          const { value } = event.currentTarget
          change(value)
          if (editing === undefined) session.client.typing(entry.id, value !== "")
        }}
        onKeyDown={onKeyDown}
      />
      <button type="submit" class="primary" disabled={!isSendable}>
        {editing === undefined ? "Send" : "Save"}
      </button>
    </form>
  )
}

/** The message that is answered. */
const Answered = ({ session, message }: { session: Session; message: Message }) => {
  const { name } = useAuthor(session, message)
  return (
    <span>
      <b>
        Reply to {name ?? "…"}
        <span class="hidden">: </span>
      </b>
      <span class="said">{message.deleted_at === undefined ? message.content : "Deleted message"}</span>
    </span>
  )
}
