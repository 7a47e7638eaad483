import { Effect } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { OutboxEntry } from "./Command.ts"
import type { Outbox } from "./Outbox.ts"
import type { Store } from "./Store.ts"

/** To whom a message goes: a user, or a conversation. */
export type Target = { readonly userId: number } | { readonly conversationId: number }

/** What a message may have beside its content. */
export interface SendOptions {
  readonly replyTo?: number
  readonly metadata?: NonNullable<Message["metadata"]>
  /** The message's idempotency key. Two sends with the same one are one message, for ever. Drawn when it is left out. */
  readonly clientId?: string
}

/** What a person asks for: shown at once, kept in the outbox, and carried out once there is a connection. */
export const make = (store: Store, { add, acknowledged, retry, discard }: Outbox) => {
  const about = (conversationId: number, messageId: number) => ({
    conversation_id: conversationId as ConversationId,
    message_id: messageId as MessageId
  })
  return {
    send: (to: Target, content: string, { replyTo, metadata, clientId }: SendOptions = {}) =>
      add(
        {
          type: "send",
          ...("userId" in to
            ? { receiver_id: to.userId as UserId }
            : { conversation_id: to.conversationId as ConversationId }),
          content: content.trim(),
          ...(replyTo === undefined ? {} : { reply_to_id: replyTo as MessageId }),
          ...(metadata === undefined ? {} : { metadata })
        },
        clientId
      ),
    acknowledged,
    retry,
    discard,
    edit: (conversationId: number, messageId: number, content: string, version?: number) =>
      add({
        type: "edit",
        ...about(conversationId, messageId),
        content: content.trim(),
        ...(version === undefined ? {} : { version })
      }),
    remove: (conversationId: number, messageId: number) =>
      add({ type: "delete", ...about(conversationId, messageId) }),
    react: (conversationId: number, messageId: number, emoji: string, added = true) =>
      add({ type: "react", ...about(conversationId, messageId), emoji, added }),
    markRead: (conversationId: number, messageId: number) =>
      Effect.suspend((): Effect.Effect<OutboxEntry | undefined> => {
        const known = store.state.conversations.get(conversationId as ConversationId)
        if (known !== undefined && known.last_read_id >= messageId) return Effect.succeed(undefined)
        return add({ type: "read", ...about(conversationId, messageId) })
      })
  }
}
