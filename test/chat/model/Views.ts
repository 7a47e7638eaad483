import type { Message } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import type { Client } from "./Client.ts"
import type { Model, ModelMessage } from "./Model.ts"

/** What a user knows of its conversations, in the same words from the model and from clients. */
export type View = Readonly<Record<string, unknown>>

const sorted = <A>(items: Iterable<A>, by: (item: A) => number | string) =>
  [...items].sort((a, b) => (by(a) < by(b) ? -1 : 1))

const shownMessage = (message: Message) => ({
  id: message.id,
  sender: message.sender_id,
  content: message.content,
  metadata: message.metadata,
  replyTo: message.reply_to === undefined ? undefined : [message.reply_to.id, message.reply_to.content],
  version: message.version ?? 1,
  isEdited: message.edited_at !== undefined,
  isDeleted: message.deleted_at !== undefined,
  reactions: sorted(message.reactions ?? [], ({ emoji }) => emoji).map(({ emoji, count, mine }) => [
    emoji,
    count,
    mine
  ])
})

/** What a client knows. */
export const viewOfClient = ({ user, conversations, blocked }: Client): View => ({
  blocked: sorted(blocked, (id) => id),
  ...Object.fromEntries(
    [...conversations].map(([id, { info, lastRead, messages, members }]) => [
      id,
      {
        kind: info.kind,
        history: info.history,
        title: info.title,
        metadata: info.metadata,
        role: info.role,
        peer: info.with?.user_id,
        peerName: info.with?.display_name,
        peerRead: info.with?.last_read_id,
        count: info.member_count,
        members: sorted(members, ([member]) => member),
        lastRead,
        unread: [...messages.values()].filter(
          ({ id, sender_id, deleted_at }) => id > lastRead && sender_id !== user && deleted_at === undefined
        ).length,
        messages: sorted(messages.values(), ({ id }) => id).map(shownMessage)
      }
    ])
  )
})

/**
 * What a user should know, and the order of its conversations. For who has read nothing since it joined the model does not
 * know the number of its mark: there it takes the one that is given.
 */
export const viewOfModel = (model: Model, user: UserId, lastReadOf: (id: number) => number) => {
  const mine = [...model.conversations.values()].flatMap((conversation) => {
    const member = conversation.members.get(user)
    if (member === undefined) return []
    const messages = [...model.messages.values()].filter(
      (message) => message.conversation === conversation.id && model.mayRead(user, message)
    )
    const activity = Math.max(member.since, messages.at(-1)?.at ?? 0)
    return [{ conversation, member, messages, activity }]
  })
  const shown = (message: ModelMessage) => {
    const { id, sender, content, metadata, replyTo, version, isEdited, isDeleted, reactions } = message
    const alive = !isDeleted
    return {
      id,
      sender,
      content,
      metadata,
      replyTo: alive && replyTo !== undefined ? [replyTo, model.messages.get(replyTo)!.content] : undefined,
      version: alive ? version : 1,
      isEdited: alive && isEdited,
      isDeleted,
      reactions: sorted(reactions, ([emoji]) => emoji).map(([emoji, users]) => [
        emoji,
        users.size,
        users.has(user)
      ])
    }
  }
  const ofConversations: View = Object.fromEntries(
    mine.map(({ conversation, member, messages }) => {
      const { id, kind, history, title, metadata, members } = conversation
      const peer = conversation.pair?.find((other) => other !== user)
      return [
        id,
        {
          kind,
          history,
          title,
          metadata,
          role: kind === "group" ? member.role : undefined,
          peer,
          peerName: peer === undefined ? undefined : model.displayNames.get(peer),
          peerRead: peer === undefined ? undefined : model.readShownTo(user, peer, conversation),
          count: members.size,
          members: sorted(members, ([id]) => id).map(([id, { role }]) => [id, role]),
          lastRead: member.lastRead ?? lastReadOf(id),
          unread: messages.filter(
            ({ at, sender, isDeleted }) => at > member.readUpTo && sender !== user && !isDeleted
          ).length,
          messages: messages.map(shown)
        }
      ]
    })
  )
  const order = mine.toSorted((a, b) => b.activity - a.activity).map(({ conversation }) => conversation.id)
  const view: View = { blocked: sorted(model.blockedBy(user), (id) => id), ...ofConversations }
  return { view, order }
}
