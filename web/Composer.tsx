import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { type ConversationEntry, MAX_CONTENT_LENGTH, messagesOf } from "../src/client/MiniChat.ts"
import { isComposing } from "./composing.ts"
import { Icon } from "./Icon.tsx"
import { authorOf, titleOf } from "./names.ts"
import type { Session } from "./session.ts"
import { tabStorage } from "./storage.ts"

/** Where a message is written. The draft of each conversation is kept. */
export const Composer = ({ session, entry }: { session: Session; entry: ConversationEntry }) => {
  const key = `minichat.draft.${session.account.userId}.${entry.id}`
  const [text, setText] = useState(tabStorage.get(key) ?? "")
  const area = useRef<HTMLTextAreaElement>(null)
  const [storing, setStoring] = useState(0)
  const editing = session.editing.value
  const quoted = session.replyTo.value
  // Before the next key: what is typed belongs to the text that is shown.
  useLayoutEffect(() => {
    setText(editing?.content ?? tabStorage.get(key) ?? "")
  }, [editing?.id])
  useEffect(() => {
    if (storing === 0) return
    // What is not stored yet would be lost with the page.
    const ask = (event: Event) => event.preventDefault()
    addEventListener("beforeunload", ask)
    return () => removeEventListener("beforeunload", ask)
  }, [storing])
  const change = (next: string) => {
    setText(next)
    if (editing === undefined) tabStorage.set(key, next)
  }
  const cancel = () => {
    session.editing.value = undefined
    session.replyTo.value = undefined
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
      session.client.send(
        { conversationId: entry.id },
        content,
        quoted === undefined ? {} : { replyTo: quoted.id }
      )
    )
    setStoring((count) => count - 1)
    if (sent === undefined) change(content)
    // A refusal is shown with the message.
    else sent.acknowledged().catch(() => {})
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault()
      submit()
    } else if (event.key === "Escape" && (editing !== undefined || quoted !== undefined)) {
      event.stopPropagation()
      cancel()
    } else if (event.key === "ArrowUp" && text === "") {
      const own = messagesOf(session.state.value, entry.id).findLast(
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
      {(editing ?? quoted) !== undefined && (
        <p class="context">
          <span>
            {editing !== undefined
              ? "Editing"
              : `Reply to ${authorOf(session.state.value, quoted!)}: ${quoted!.content}`}
          </span>
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
          change(event.currentTarget.value)
          session.client.typing(entry.id)
        }}
        onKeyDown={onKeyDown}
      />
      <button type="submit" class="primary" disabled={!isSendable}>
        {editing === undefined ? "Send" : "Save"}
      </button>
    </form>
  )
}
