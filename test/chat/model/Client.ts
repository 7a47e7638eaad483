import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Conversation, ConversationEntry, Member, Role } from "../../../src/domain/Conversation.ts"
import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { Message, MessageId, Quote } from "../../../src/domain/Message.ts"
import type { User, UserId } from "../../../src/domain/User.ts"
import type { Event, Server } from "./Server.ts"

export interface ClientConversation {
  info: Conversation
  lastRead: number
  readonly messages: Map<MessageId, Message>
  readonly members: Map<UserId, Role>
}

/** Reads a conversation whole; `undefined` for who is no member. */
const load = Effect.fnUntraced(function* (server: Server, user: UserId, id: ConversationId) {
  const entry = yield* server.find(user, id)
  if (entry === undefined) return undefined
  const messages: Array<Message> = []
  for (;;) {
    const page = yield* server.messages(user, id, messages.at(-1)?.id, 40)
    messages.push(...page)
    if (page.length < 40) break
  }
  const members = yield* server.members(user, id)
  return {
    info: infoOf(entry),
    lastRead: entry.last_read_id,
    messages: new Map(messages.map((message) => [message.id, message])),
    members: new Map(members.map(({ user_id, role }) => [user_id, role]))
  } satisfies ClientConversation
})

const infoOf = ({
  last_message: _,
  unread: __,
  last_read_id: ___,
  ...info
}: ConversationEntry): Conversation => info

/** What a client has that loads everything anew, and the order of its list. */
export const freshLoad = Effect.fnUntraced(function* (server: Server, user: UserId) {
  const client = new Client(user)
  const entries: Array<ConversationEntry> = []
  let before: number | null | undefined
  do {
    const page: Effect.Success<ReturnType<Server["list"]>> = yield* server.list(user, 3, before ?? undefined)
    entries.push(...page.conversations)
    before = page.next
  } while (before != null)
  for (const { id } of entries) {
    const loaded = yield* load(server, user, id)
    if (loaded !== undefined) client.conversations.set(id, loaded)
  }
  for (const other of yield* server.blocked(user)) client.blocked.add(other)
  return { client, entries }
})

/**
 * A client that follows its inbox. It loads a conversation when it first hears of it, as its history and its members are
 * in no event, and then goes by events alone: also by those that the load knew already.
 */
export class Client {
  readonly conversations = new Map<ConversationId, ClientConversation>()
  readonly blocked = new Set<UserId>()
  /** The user's own display name, once an event had it. */
  displayName: string | undefined
  private cursor = 0

  readonly user: UserId

  constructor(user: UserId) {
    this.user = user
  }

  /** Applies at most `limit` events of the inbox, and answers those. */
  follow(server: Server, limit: number): Effect.Effect<ReadonlyArray<Event>> {
    return Effect.tap(server.events(this.user, this.cursor, limit), (events) =>
      Effect.forEach(events, (event) => this.apply(server, event))
    )
  }

  private apply(server: Server, event: Event): Effect.Effect<void> {
    assert.strictEqual(event.seq, this.cursor + 1, "an inbox has no gap")
    this.cursor = event.seq
    if (event.type === "conversation_removed") {
      this.conversations.delete(event.conversation_id as ConversationId)
      return Effect.void
    }
    if (event.type === "block") {
      if (event.blocked === true) this.blocked.add(event.blocked_id as UserId)
      else this.blocked.delete(event.blocked_id as UserId)
      return Effect.void
    }
    if (event.type === "user_updated") {
      this.rename(event.user as User)
      return Effect.void
    }
    const id = conversationOf(event)
    const known = this.conversations.get(id)
    if (event.type === "conversation_added" || (known === undefined && isMessage(event))) {
      return Effect.map(load(server, this.user, id), (loaded) => {
        if (loaded === undefined) this.conversations.delete(id)
        else this.conversations.set(id, loaded)
      })
    }
    if (known !== undefined) this.change(known, event)
    return Effect.void
  }

  private rename({ id, display_name }: User): void {
    if (id === this.user) this.displayName = display_name
    for (const { info } of this.conversations.values())
      if (info.with?.user_id === id) Object.assign(info, { with: { ...info.with, display_name } })
  }

  private change(known: ClientConversation, event: Event): void {
    const { messages, members } = known
    switch (event.type) {
      case "message":
      case "message_sent": {
        this.put(known, messageOf(event))
        return
      }
      case "message_updated": {
        const message = messageOf(event)
        if (messages.has(message.id)) this.put(known, message)
        else requote(known, message.id, message.content)
        return
      }
      case "message_deleted": {
        const id = event.message_id as MessageId
        const message = messages.get(id)
        if (message !== undefined) messages.set(id, tombstone(message, event.deleted_at as string))
        requote(known, id, "")
        return
      }
      case "reaction": {
        const message = messages.get(event.message_id as MessageId)
        if (message !== undefined && message.deleted_at === undefined)
          messages.set(message.id, withReaction(message, event, this.user))
        return
      }
      case "conversation_updated": {
        const { role, with: peer } = known.info
        const shown = event.conversation as Conversation
        known.info = {
          ...shown,
          ...(role === undefined ? {} : { role }),
          ...(peer === undefined ? {} : { with: shown.with ?? peer })
        }
        // The other user of a direct conversation was erased.
        if (peer !== undefined && shown.member_count === 1) members.delete(peer.user_id)
        return
      }
      case "member_added":
      case "member_updated": {
        const member = event.member as Member
        members.set(member.user_id, member.role)
        known.info = { ...known.info, member_count: event.member_count as number }
        if (member.user_id === this.user) known.info = { ...known.info, role: member.role }
        return
      }
      case "member_removed": {
        members.delete(event.user_id as UserId)
        known.info = { ...known.info, member_count: event.member_count as number }
        return
      }
      case "read": {
        const message = event.message_id as number
        if (event.user_id === this.user) known.lastRead = Math.max(known.lastRead, message)
        else {
          const peer = known.info.with!
          const last_read_id = Math.max(peer.last_read_id, message)
          known.info = { ...known.info, with: { ...peer, last_read_id } }
        }
        return
      }
      default:
        assert.fail(`an event of type ${event.type}`)
    }
  }

  private put(known: ClientConversation, message: Message): void {
    const reactions = known.messages.get(message.id)?.reactions
    const kept =
      message.deleted_at !== undefined || reactions === undefined ? message : { ...message, reactions }
    known.messages.set(message.id, kept)
    requote(known, message.id, message.content)
  }
}

const isMessage = ({ type }: Event) => type === "message" || type === "message_sent"

const conversationOf = (event: Event) =>
  (event.conversation_id ?? (event.conversation as Conversation).id) as ConversationId

const messageOf = ({ type: _, seq: __, client_id: ___, ...message }: Event) => message as unknown as Message

const tombstone = (message: Message, deleted_at: string): Message => {
  const { metadata: _, version: __, edited_at: ___, reply_to: ____, reactions: _____, ...rest } = message
  return { ...rest, content: "", deleted_at }
}

/** Replies show what they quote as it is now. */
const requote = ({ messages }: ClientConversation, id: MessageId, content: string): void => {
  for (const message of messages.values()) {
    if (message.reply_to?.id !== id) continue
    const reply_to: Quote = { ...message.reply_to, content: [...content].slice(0, 200).join("") }
    messages.set(message.id, { ...message, reply_to })
  }
}

const withReaction = (message: Message, event: Event, user: UserId): Message => {
  const { reactions = [], ...rest } = message
  const before = reactions.find(({ emoji }) => emoji === event.emoji)
  const mine = event.user_id === user ? event.added === true : (before?.mine ?? false)
  const others = reactions.filter(({ emoji }) => emoji !== event.emoji)
  const count = event.count as number
  const next = count === 0 ? others : [...others, { emoji: event.emoji as string, count, mine }]
  return next.length === 0 ? rest : { ...rest, reactions: next }
}
