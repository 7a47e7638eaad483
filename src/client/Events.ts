import type { Conversation, ConversationEntry } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import type { Draft } from "./Draft.ts"
import type { PassingFrame } from "./Input.ts"
import {
  deletedMessage,
  mapChanged,
  reaches,
  withChange,
  withMessage,
  withQuote,
  withReaction
} from "./Messages.ts"
import { settleSent } from "./OutboxState.ts"
import { withReadOf } from "./Pages.ts"
import { applyProfile } from "./Profiles.ts"
import type { InboxEvent } from "./State.ts"
import { afterRead, counted } from "./Unread.ts"

/** A user types for at most this long after the last `typing` frame: `TYPING_LASTS` of the server, in milliseconds. */
const TYPING = 6000

/** Applies an event that is new. What was open before it is closed, or loaded anew. */
export const applyNew = (draft: Draft, event: InboxEvent) => {
  if (event.type === "conversation_removed") close(draft, event.conversation_id)
  applyEvent(draft, event)
  if (event.type === "conversation_added") reload(draft, event.conversation.id)
}

/**
 * Applies an event. Applying a run of events again, in order, gives the same state. It closes nothing: what is open then may have
 * been opened after the event. An event of unknown type changes nothing.
 */
export const applyEvent = (draft: Draft, event: InboxEvent) => {
  switch (event.type) {
    case "message":
      return takeMessage(draft, event)
    case "message_sent": {
      takeMessage(draft, event)
      if (event.client_id !== undefined) draft.state.outbox = settleSent(draft.state.outbox, event.client_id)
      return
    }
    case "message_updated":
      return changeMessage(draft, messageOf(event))
    case "message_deleted":
      return deleteMessage(draft, event)
    case "reaction":
      return changeTimeline(draft, event.conversation_id, (messages) =>
        mapChanged(messages, (message) =>
          message.id === event.message_id ? withReaction(message, event, draft.state.userId) : message
        )
      )
    case "conversation_added":
      return addConversation(draft, event.conversation)
    case "conversation_updated":
      return draft.change(event.conversation.id, (known) => merged(known, event.conversation))
    case "conversation_removed":
      return removeConversation(draft, event.conversation_id)
    case "member_added":
    case "member_updated":
    case "member_removed":
      return changeMembers(draft, event)
    case "read":
      return applyRead(draft, event)
    case "block":
      return applyBlock(draft, event)
    case "user_updated":
      return applyProfile(draft, event.user)
  }
}

const applyBlock = ({ state }: Draft, { blocked_id, blocked }: Extract<InboxEvent, { type: "block" }>) => {
  if (state.blocked === undefined) return
  const others = [...state.blocked].filter((other) => other !== blocked_id)
  state.blocked = new Set(blocked ? [...others, blocked_id] : others)
}

/** Applies a frame that has no `seq`: it is no event of the inbox, and is not replayed. */
export const applyPassing = (draft: Draft, frame: PassingFrame, now: number) => {
  switch (frame.type) {
    case "typing": {
      if (frame.typing) setTyping(draft, frame.conversation_id, frame.user_id, now + TYPING)
      else setTyping(draft, frame.conversation_id, frame.user_id, undefined)
      return
    }
    case "presence": {
      const { online, last_seen } = frame
      draft.presence().set(frame.user_id, { online, last_seen })
      return
    }
    case "read":
      return applyRead(draft, frame)
  }
}

const setTyping = (draft: Draft, id: ConversationId, userId: UserId, until: number | undefined) => {
  const before = draft.state.typing.get(id)
  if (until === undefined && !before?.has(userId)) return
  const users = new Map(before)
  if (until === undefined) users.delete(userId)
  else users.set(userId, until)
  if (users.size === 0) draft.typing().delete(id)
  else draft.typing().set(id, users)
}

/** Returns the message of an event: the event without `type`, `seq` and `client_id`. */
export const messageOf = (event: Message & { readonly type: string; readonly seq: number }): Message => {
  const { type: _, seq: __, client_id: ___, ...message } = event as typeof event & { client_id?: string }
  return message
}

const takeMessage = (draft: Draft, event: Extract<InboxEvent, { type: "message" | "message_sent" }>) => {
  const message = messageOf(event)
  const id = message.conversation_id
  if (id === undefined) return
  setTyping(draft, id, message.sender_id, undefined)
  const timeline = draft.state.timelines.get(id)
  if (timeline !== undefined && reaches(timeline, message)) {
    draft.timelines().set(id, { ...timeline, messages: withMessage(timeline.messages, message) })
  } else if (timeline !== undefined) {
    // The loaded part does not reach this message, or has it already. So it is not added: it only replaces an earlier state of itself,
    // and changes the replies that quote it.
    changeTimeline(draft, id, (messages) => withChange(messages, message))
  }
  if (draft.state.conversations.has(id))
    draft.change(id, (known) => counted(known, message, draft.state.userId))
  else draft.want(id)
}

const changeMessage = (draft: Draft, message: Message) => {
  const id = message.conversation_id
  if (id === undefined) return
  changeTimeline(draft, id, (messages) => withChange(messages, message))
  changeLast(draft, id, message)
}

const deleteMessage = (draft: Draft, event: Extract<InboxEvent, { type: "message_deleted" }>) => {
  const { conversation_id: id, message_id, sender_id } = event
  changeTimeline(draft, id, (messages) => {
    const deleted = messages.find((message) => message.id === message_id)
    // Replies that quote the message may be loaded while the message is not.
    const change = deletedMessage(deleted ?? ({ id: message_id, sender_id } as Message), event)
    return mapChanged(messages, (message) => (message === deleted ? change : withQuote(message, change)))
  })
  const known = draft.state.conversations.get(id)
  if (known === undefined) return
  const last = known.last_message
  changeLast(
    draft,
    id,
    deletedMessage(last?.id === message_id ? last : ({ id: message_id, sender_id } as Message), event)
  )
  if (sender_id !== draft.state.userId && message_id > known.last_read_id) {
    draft.change(id, (changed) => recounted(draft, changed))
  }
}

/** Changes the last message of a conversation, when the changed message is the last one or is quoted by it. */
const changeLast = (draft: Draft, id: ConversationId, message: Message): void =>
  draft.change(id, (known) => {
    if (known.last_message === null) return known
    const [last] = withChange([known.last_message], message)
    return last === known.last_message ? known : { ...known, last_message: last! }
  })

const changeTimeline = (
  draft: Draft,
  id: ConversationId,
  change: (messages: ReadonlyArray<Message>) => ReadonlyArray<Message>
) => {
  const timeline = draft.state.timelines.get(id)
  if (timeline === undefined) return
  const messages = change(timeline.messages)
  if (messages !== timeline.messages) draft.timelines().set(id, { ...timeline, messages })
}

/** Counts the unread messages anew. When the loaded messages do not suffice, keeps the count and has the conversation loaded again. */
const recounted = (draft: Draft, known: ConversationEntry): ConversationEntry => {
  const unread = afterRead(known, draft.state.timelines.get(known.id), draft.state.userId)
  if (unread === undefined) draft.want(known.id)
  return unread === undefined || unread === known.unread ? known : { ...known, unread }
}

const merged = (known: ConversationEntry, received: Conversation): ConversationEntry => {
  // A title or metadata that `received` lacks was removed. Other fields that it lacks stay: they depend on the user, as `role` and
  // `unread` do.
  const { title: _, metadata: __, ...rest } = known
  return { ...rest, ...received }
}

const addConversation = (draft: Draft, conversation: Conversation) => {
  const { conversations } = draft.state
  const known = conversations.get(conversation.id)
  // Messages may exist already: the user was a member before, or may read what was sent before it joined. So it is loaded.
  draft.want(conversation.id)
  if (draft.state.members.has(conversation.id)) draft.wantMembers(conversation.id)
  if (known !== undefined) return draft.put(merged(known, conversation))
  // It stands at the top of the list until it is loaded.
  const top = conversations.get(draft.state.order[0]!)?.activity ?? 0
  draft.put({ ...conversation, last_read_id: 0, unread: 0, last_message: null, activity: top + 1 })
}

const removeConversation = (draft: Draft, id: ConversationId) => {
  draft.remove(id)
  // They may show what was so before.
  if (draft.state.members.has(id)) draft.wantMembers(id)
  reload(draft, id)
}

/** Loads the messages of an opened conversation anew. */
const reload = (draft: Draft, id: ConversationId) => {
  if (draft.state.timelines.has(id)) draft.load(id)
}

/** Forgets what was loaded of a conversation. */
export const close = (draft: Draft, id: ConversationId) => {
  draft.unwant(id)
  draft.unwantMembers(id)
  if (draft.state.timelines.has(id)) draft.timelines().delete(id)
  if (draft.state.members.has(id)) draft.members().delete(id)
  if (draft.state.typing.has(id)) draft.typing().delete(id)
}

const changeMembers = (
  draft: Draft,
  event: Extract<InboxEvent, { type: "member_added" | "member_updated" | "member_removed" }>
) => {
  const { conversation_id: id, member_count } = event
  draft.change(id, (known) => ({
    ...known,
    member_count,
    ...(event.type !== "member_removed" && event.member.user_id === draft.state.userId
      ? { role: event.member.role }
      : {})
  }))
  const members = draft.state.members.get(id)
  if (members === undefined) return
  const next = new Map(members)
  if (event.type === "member_removed") next.delete(event.user_id)
  else next.set(event.member.user_id, withReadOf(members.get(event.member.user_id), event.member))
  draft.members().set(id, next)
}

const applyRead = (
  draft: Draft,
  { conversation_id: id, user_id, message_id }: Omit<Extract<InboxEvent, { type: "read" }>, "seq">
) => {
  const members = draft.state.members.get(id)
  const member = members?.get(user_id)
  if (member !== undefined && member.last_read_id < message_id) {
    draft.members().set(id, new Map(members).set(user_id, { ...member, last_read_id: message_id }))
  }
  draft.change(id, (known) => {
    if (user_id === draft.state.userId) {
      return known.last_read_id >= message_id
        ? known
        : recounted(draft, { ...known, last_read_id: message_id })
    }
    return known.with?.user_id === user_id && known.with.last_read_id < message_id
      ? { ...known, with: { ...known.with, last_read_id: message_id } }
      : known
  })
}
