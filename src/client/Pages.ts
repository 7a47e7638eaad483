import type { ConversationEntry, Member } from "../domain/Conversation.ts"
import type { Message } from "../domain/Message.ts"
import type { Draft } from "./Draft.ts"
import type { Page } from "./Input.ts"
import { keptMessage, mapChanged, withReactions } from "./Messages.ts"
import { settleKnown } from "./OutboxState.ts"
import type { State, Timeline } from "./State.ts"

/** Puts an answer in place of what was known. The events that it may not know are applied again after it. */
export const applyPage = (draft: Draft, page: Page) => {
  switch (page.type) {
    case "conversations":
      return applyList(draft, page)
    case "conversation": {
      draft.unwant(page.id)
      if (page.entry === undefined) return draft.remove(page.id)
      settleKnown(draft, page.id)
      return draft.put(withoutReactions(page.entry))
    }
    case "messages":
      return applyMessages(draft, page)
    case "message": {
      const id = page.message.conversation_id
      const timeline = id === undefined ? undefined : draft.state.timelines.get(id)
      if (id === undefined || timeline === undefined) return
      const message = loaded(page.message)
      const messages = mapChanged(timeline.messages, (known) => (known.id === message.id ? message : known))
      draft.timelines().set(id, { ...timeline, messages })
      return
    }
    case "members": {
      const known = draft.state.members.get(page.id)
      // The user left, or was removed, since they were asked for.
      if (known === undefined && !draft.sync.wantedMembers.has(page.id)) return
      draft.unwantMembers(page.id)
      const members = page.members.map(
        (member) => [member.user_id, withReadOf(known?.get(member.user_id), member)] as const
      )
      draft.members().set(page.id, new Map(members))
      return
    }
    case "blocks":
      draft.sync.wantsBlocks = false
      draft.state.blocked = page.blocked
      return
    case "profile":
      draft.sync.wantsProfile = false
      draft.state.profile = page.profile
  }
}

/** The member. What was read stays read: a `read` frame may be ahead of the answer. */
export const withReadOf = (known: Member | undefined, member: Member): Member =>
  known !== undefined && known.last_read_id > member.last_read_id
    ? { ...member, last_read_id: known.last_read_id }
    : member

const applyList = (draft: Draft, page: Extract<Page, { type: "conversations" }>) => {
  const { state } = draft
  const isFirst = page.before === undefined
  if (!isFirst && !continues(state.list, page.before)) return
  if (isFirst) {
    state.conversations = new Map()
    state.order = []
  }
  for (const entry of page.conversations) {
    draft.put(withoutReactions(entry))
    draft.unwant(entry.id)
    settleKnown(draft, entry.id)
  }
  if (isFirst) {
    for (const id of state.timelines.keys()) if (!state.conversations.has(id)) draft.want(id)
  }
  state.list = { isLoaded: true, next: page.next }
}

/**
 * Whether a page begins where the list ends, or above that. A list that was loaded anew since the page was asked for may end
 * further up: the conversations in between would be missing.
 */
const continues = ({ isLoaded, next }: State["list"], before: number): boolean =>
  isLoaded && next !== null && before >= next

/** The list has no reactions: events of them change only the messages of opened conversations. */
const withoutReactions = (entry: ConversationEntry): ConversationEntry => {
  if (entry.last_message === null) return entry
  const { reactions: _, ...last_message } = keptMessage(entry.last_message)
  return { ...entry, last_message }
}

const applyMessages = (draft: Draft, page: Extract<Page, { type: "messages" }>) => {
  const timeline = draft.state.timelines.get(page.id)
  // It was closed, or loaded anew, since. Of two answers to one load the first counts: further pages are joined to it.
  if (timeline?.load !== page.load || timeline.isLoading !== (page.side === "all")) return
  const messages = page.messages.map(loaded)
  draft.timelines().set(page.id, { ...joined(timeline, messages, page), isLoading: false })
}

const joined = (
  timeline: Timeline,
  messages: ReadonlyArray<Message>,
  { side, hasOlder, hasNewer }: Extract<Page, { type: "messages" }>
): Timeline => {
  const known = timeline.messages
  switch (side) {
    case "all":
      return { ...timeline, messages, hasOlder, hasNewer }
    case "older": {
      const first = known[0]?.id ?? Number.POSITIVE_INFINITY
      return { ...timeline, messages: [...messages.filter(({ id }) => id < first), ...known], hasOlder }
    }
    case "newer": {
      const last = known.at(-1)?.id ?? 0
      return { ...timeline, messages: [...known, ...messages.filter(({ id }) => id > last)], hasNewer }
    }
  }
}

const loaded = (message: Message): Message => {
  const kept = keptMessage(message)
  return kept.reactions === undefined ? kept : withReactions(kept, kept.reactions)
}
