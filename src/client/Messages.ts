import type { MessageDeletedFrame, ReactionFrame } from "../api/EventFrames.ts"
import { type Message, QUOTE_LENGTH } from "../domain/Message.ts"
import type { Timeline } from "./State.ts"

/** A message as the client keeps it: of a deleted one that it was there, by whom, and when it was deleted. */
export const keptMessage = (message: Message): Message => {
  if (message.deleted_at === undefined) return message
  const { version: _, edited_at: __, metadata: ___, reply_to: ____, reactions: _____, ...rest } = message
  return { ...rest, content: "" }
}

/** Of two states of a message the later one. Frames carry no reactions: they are kept. */
export const laterOf = (known: Message, received: Message): Message => {
  if (known.deleted_at !== undefined)
    return received.deleted_at === undefined ? known : named(known, received)
  if (received.deleted_at === undefined && (known.version ?? 1) > (received.version ?? 1)) return known
  return keptMessage(known.reactions === undefined ? received : { ...received, reactions: known.reactions })
}

/** A deleted message under the name that its sender has since the sender is erased. */
const named = (known: Message, { sender_username }: Partial<Pick<Message, "sender_username">>): Message =>
  sender_username === undefined || sender_username === known.sender_username
    ? known
    : { ...known, sender_username }

/** The messages with one more at its place, by id; in place of its earlier state when it is there. */
export const withMessage = (messages: ReadonlyArray<Message>, message: Message): ReadonlyArray<Message> => {
  let at = messages.length
  while (at > 0 && messages[at - 1]!.id > message.id) at--
  if (messages[at - 1]?.id === message.id) return messages.with(at - 1, laterOf(messages[at - 1]!, message))
  return messages.toSpliced(at, 0, keptMessage(message))
}

/** Whether the loaded part of a history reaches as far as a message: one that it does not reach would leave a gap. */
export const reaches = ({ messages, hasOlder, hasNewer }: Timeline, { id }: Message): boolean =>
  !hasNewer && (!hasOlder || messages.length === 0 || id > messages[0]!.id)

/** What a reply shows of a message that it quotes. */
const quoteOf = ({ content }: Message) => {
  // By code points, as the server counts; most messages are short enough to be a quote.
  return content.length <= QUOTE_LENGTH ? content : [...content].slice(0, QUOTE_LENGTH).join("")
}

/** The message, showing a changed one as it is now when it quotes that one. */
export const withQuote = (message: Message, quoted: Message): Message =>
  message.reply_to?.id === quoted.id
    ? { ...message, reply_to: { ...message.reply_to, content: quoteOf(quoted) } }
    : message

/** The messages after a change of one of them, which replies among them may quote. */
export const withChange = (messages: ReadonlyArray<Message>, changed: Message): ReadonlyArray<Message> =>
  mapChanged(messages, (message) =>
    message.id === changed.id ? laterOf(message, changed) : withQuote(message, changed)
  )

/** A deleted message: what is left of it, or what is known when it is not loaded. */
export const deletedMessage = (
  message: Message,
  { deleted_at, ...sender }: Pick<typeof MessageDeletedFrame.Type, "deleted_at" | "sender_username">
): Message => keptMessage(named({ ...message, deleted_at }, sender))

/** The message after a reaction. The event says how many there are now, so it may be applied again. */
export const withReaction = (
  message: Message,
  { emoji, count, added, user_id }: Pick<typeof ReactionFrame.Type, "emoji" | "count" | "added" | "user_id">,
  self: number
): Message => {
  if (message.deleted_at !== undefined) return message
  const before = message.reactions?.find((reaction) => reaction.emoji === emoji)
  const mine = user_id === self ? added : (before?.mine ?? false)
  const others = (message.reactions ?? []).filter((reaction) => reaction.emoji !== emoji)
  return withReactions(message, count === 0 ? others : [...others, { emoji, count, mine }])
}

/** A message has `reactions` only when there are some, the most frequent ones first. */
export const withReactions = (message: Message, reactions: NonNullable<Message["reactions"]>): Message => {
  const { reactions: _, ...rest } = message
  if (reactions.length === 0) return rest
  return {
    ...rest,
    reactions: reactions.toSorted((a, b) => b.count - a.count || comparedByCodePoints(a.emoji, b.emoji))
  }
}

/** The order of the database. Code units have another one: a surrogate is less than U+FE0F, and what it stands for is more. */
const comparedByCodePoints = (a: string, b: string): number => {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1)
}

/** Maps an array, and is the same array when nothing changed. */
export const mapChanged = <A>(items: ReadonlyArray<A>, f: (item: A) => A): ReadonlyArray<A> => {
  let changed: Array<A> | undefined
  for (let i = 0; i < items.length; i++) {
    const item = f(items[i]!)
    if (item === items[i]) continue
    changed ??= [...items]
    changed[i] = item
  }
  return changed ?? items
}
