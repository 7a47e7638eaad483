import type { PassingFrame } from "../../../src/client/Input.ts"
import type { InboxEvent } from "../../../src/client/State.ts"
import type { ConversationEntry, Member } from "../../../src/domain/Conversation.ts"
import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { Message, MessageId } from "../../../src/domain/Message.ts"
import { type User, UserId } from "../../../src/domain/User.ts"

/** A number below `bound`, drawn from a seed: the same ones for the same seed. */
export type Draw = (bound: number) => number

export const drawFrom = (seed: number): Draw => {
  let state = seed >>> 0 || 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}

export const SELF = UserId.make(1)
const USERS = [1, 2, 3, 4].map((id) => UserId.make(id))
const EMOJI = ["👍", "🎉", "😀"]
const AT = "2026-01-01T00:00:00.000Z"

interface StoredMessage {
  readonly id: number
  readonly sender: UserId
  readonly quotes: number | undefined
  content: string
  version: number
  isDeleted: boolean
  readonly reactions: Map<string, Set<UserId>>
}

interface StoredConversation {
  readonly id: number
  readonly kind: "direct" | "group"
  title: string
  readonly members: Map<UserId, { role: Member["role"]; joinedAfter: number; lastRead: number }>
  readonly messages: Array<StoredMessage>
}

/** Everything that the server stores. */
interface Facts {
  readonly inbox: Array<InboxEvent>
  readonly conversations: Array<StoredConversation>
  readonly names: Map<UserId, Pick<Member, "display_name" | "avatar_url">>
  readonly blocked: Set<UserId>
  ids: number
}

/** What the server promises, in its plainest form: facts, and the inbox of one user. */
export class Model {
  private facts: Facts = {
    inbox: [],
    conversations: [],
    names: new Map(),
    blocked: new Set(),
    ids: 0
  }
  private saved: Facts
  /** Frames without a number that no connection has taken. */
  readonly passing: Array<PassingFrame> = []
  private readonly draw: Draw

  constructor(draw: Draw) {
    this.draw = draw
    for (const peer of [2, 3] as Array<UserId>) {
      // As the server does: the place of each conversation in the list is an id that no other has.
      const place = this.nextId()
      this.conversations.push({
        id: this.conversations.length + 1,
        kind: "direct",
        title: "",
        members: new Map(
          [SELF, peer].map((user) => [user, { role: "member", joinedAfter: place, lastRead: 0 }])
        ),
        messages: []
      })
    }
    for (const founders of [[2], [2, SELF]] as Array<Array<UserId>>) {
      const place = this.nextId()
      this.conversations.push({
        id: this.conversations.length + 1,
        kind: "group",
        title: "first",
        members: new Map(
          founders.map((user, i) => [
            user,
            { role: i === 0 ? "owner" : "member", joinedAfter: place, lastRead: 0 }
          ])
        ),
        messages: []
      })
    }
    this.saved = structuredClone(this.facts)
  }

  get inbox(): ReadonlyArray<InboxEvent> {
    return this.facts.inbox
  }

  /** Whom the user has blocked. */
  get blocked(): ReadonlySet<UserId> {
    return this.facts.blocked
  }

  private get conversations() {
    return this.facts.conversations
  }

  private nextId() {
    return ++this.facts.ids
  }

  /** Saves everything, as a backup does. */
  save() {
    this.saved = structuredClone(this.facts)
  }

  /** Everything is as it was saved: what happened since is lost, and its ids are given once more. */
  restore() {
    this.facts = structuredClone(this.saved)
    this.passing.length = 0
  }

  /** Something happens. */
  step() {
    const conversation = this.pick(this.conversations)
    const isIn = conversation.members.has(SELF)
    const user = this.pick([...conversation.members.keys()])
    const message = conversation.messages.length === 0 ? undefined : this.pick(conversation.messages)
    switch (this.draw(14)) {
      case 0:
      case 1:
      case 2:
        return this.send(conversation, user)
      case 3: {
        if (message === undefined || message.isDeleted) return
        message.content = `edited ${this.draw(1000)}`
        message.version++
        return this.tell(isIn, { type: "message_updated", ...this.frame(conversation, message) })
      }
      case 4: {
        if (message === undefined || message.isDeleted) return
        Object.assign(message, { content: "", isDeleted: true, version: message.version + 1 })
        message.reactions.clear()
        return this.tell(isIn, {
          type: "message_deleted",
          message_id: message.id as MessageId,
          conversation_id: conversation.id as ConversationId,
          sender_id: message.sender,
          deleted_at: AT
        })
      }
      case 5:
        return message === undefined || message.isDeleted
          ? undefined
          : this.react(conversation, message, user)
      case 6:
        return message === undefined ? undefined : this.read(conversation, message, user)
      case 7:
      case 11:
      case 12:
      case 13:
        return conversation.kind === "group" ? this.changeMember(conversation) : undefined
      case 8: {
        if (conversation.kind !== "group") return
        conversation.title = `title ${this.draw(1000)}`
        const { role: _, ...shared } = this.shared(conversation)
        return this.tell(isIn, { type: "conversation_updated", conversation: shared })
      }
      case 9:
        return this.rename(this.pick(USERS))
      case 10:
        return this.block(this.pick(USERS.filter((id) => id !== SELF)))
    }
  }

  get head(): number {
    return this.inbox.length
  }

  isGroup(id: number): boolean {
    return this.conversations[id - 1]!.kind === "group"
  }

  /** The user's conversations, newest activity first, as REST tells them. */
  list(limit: number, before = Number.POSITIVE_INFINITY) {
    const mine = this.conversations
      .filter(({ members }) => members.has(SELF))
      .map((conversation) => ({ conversation, activity: this.activity(conversation) }))
      .filter(({ activity }) => activity < before)
      .toSorted((a, b) => b.activity - a.activity)
    const page = mine.slice(0, limit)
    return {
      conversations: page.map(({ conversation }) => this.entryOf(conversation)),
      next: mine.length > limit ? page.at(-1)!.activity : null
    }
  }

  entry(id: number): ConversationEntry | undefined {
    const conversation = this.conversations[id - 1]!
    return conversation.members.has(SELF) ? this.entryOf(conversation) : undefined
  }

  /** Messages of a conversation by ascending id. */
  history(id: number): ReadonlyArray<Message> {
    const conversation = this.conversations[id - 1]!
    return conversation.members.has(SELF)
      ? conversation.messages.map((message) => this.message(conversation, message, true))
      : []
  }

  members(id: number): ReadonlyArray<Member> {
    const conversation = this.conversations[id - 1]!
    return conversation.members.has(SELF)
      ? [...conversation.members.keys()]
          .toSorted((a, b) => a - b)
          .map((user) => this.member(conversation, user))
      : []
  }

  private send(conversation: StoredConversation, sender: UserId) {
    const quoted =
      this.draw(3) === 0 ? conversation.messages.filter(({ isDeleted }) => !isDeleted).at(-1) : undefined
    const message: StoredMessage = {
      id: this.nextId(),
      sender,
      quotes: quoted?.id,
      content: `message ${this.draw(1000)}`,
      version: 1,
      isDeleted: false,
      reactions: new Map()
    }
    conversation.messages.push(message)
    this.tell(conversation.members.has(SELF), {
      type: sender === SELF ? "message_sent" : "message",
      ...this.frame(conversation, message)
    })
  }

  private react(conversation: StoredConversation, message: StoredMessage, user: UserId) {
    const emoji = this.pick(EMOJI)
    const users = message.reactions.get(emoji) ?? new Set()
    message.reactions.set(emoji, users)
    const added = !users.delete(user)
    if (added) users.add(user)
    this.tell(conversation.members.has(SELF), {
      type: "reaction",
      message_id: message.id as MessageId,
      conversation_id: conversation.id as ConversationId,
      user_id: user,
      emoji,
      added,
      count: users.size
    })
  }

  private read(conversation: StoredConversation, message: StoredMessage, user: UserId) {
    const member = conversation.members.get(user)!
    if (member.lastRead >= message.id) return
    member.lastRead = message.id
    const isIn = conversation.members.has(SELF)
    const read = {
      type: "read" as const,
      conversation_id: conversation.id as ConversationId,
      user_id: user,
      message_id: message.id as MessageId
    }
    // What others read in a group is no event.
    if (conversation.kind === "direct" || user === SELF) this.tell(isIn, read)
    else if (isIn) this.passing.push(read)
  }

  private changeMember(conversation: StoredConversation) {
    const user = this.pick([SELF, SELF, 3, 4] as Array<UserId>)
    const wasIn = conversation.members.has(SELF)
    const about = { conversation_id: conversation.id as ConversationId, by: 2 as UserId }
    const member = conversation.members.get(user)
    if (member !== undefined && this.draw(2) === 0) {
      member.role = member.role === "admin" ? "member" : "admin"
      const member_count = conversation.members.size
      return this.tell(wasIn, {
        type: "member_updated",
        ...about,
        member_count,
        member: this.member(conversation, user)
      })
    }
    if (member !== undefined) {
      conversation.members.delete(user)
      if (user === SELF) return this.tell(true, { type: "conversation_removed", ...about })
      return this.tell(wasIn, {
        type: "member_removed",
        ...about,
        member_count: conversation.members.size,
        user_id: user
      })
    }
    const place = this.nextId()
    conversation.members.set(user, { role: "member", joinedAfter: place, lastRead: place })
    if (user === SELF)
      return this.tell(true, { type: "conversation_added", conversation: this.shared(conversation) })
    this.tell(wasIn, {
      type: "member_added",
      ...about,
      member_count: conversation.members.size,
      member: this.member(conversation, user)
    })
  }

  private tell(isIn: boolean, event: object) {
    const { inbox } = this.facts
    // Some events the server cannot build, or the client cannot read.
    const told = this.draw(200) === 0 ? { type: "omitted" } : event
    if (isIn) inbox.push({ ...told, seq: inbox.length + 1 } as InboxEvent)
  }

  private activity({ members, messages }: StoredConversation): number {
    return Math.max(messages.at(-1)?.id ?? 0, members.get(SELF)!.joinedAfter)
  }

  private frame(conversation: StoredConversation, message: StoredMessage) {
    return this.message(conversation, message, false)
  }

  private message(conversation: StoredConversation, message: StoredMessage, withReactions: boolean): Message {
    const quoted = conversation.messages.find(({ id }) => id === message.quotes)
    const reactions = [...message.reactions]
      .filter(([, users]) => users.size > 0)
      .map(([emoji, users]) => ({ emoji, count: users.size, mine: users.has(SELF) }))
    return {
      id: message.id as MessageId,
      sender_id: message.sender,
      sender_username: `user${message.sender}`,
      content: message.content,
      timestamp: AT,
      conversation_id: conversation.id as ConversationId,
      ...(quoted === undefined
        ? {}
        : { reply_to: { id: quoted.id as MessageId, sender_id: quoted.sender, content: quoted.content } }),
      ...(message.version > 1 ? { version: message.version, edited_at: AT } : {}),
      ...(message.isDeleted ? { deleted_at: AT } : {}),
      ...(withReactions && reactions.length > 0 ? { reactions } : {})
    }
  }

  /** A user has another name, and a picture or none. Who shares no conversation with it is not told. */
  private rename(user: UserId) {
    const picture = this.draw(2) === 0 ? {} : { avatar_url: `https://example.com/${this.draw(1000)}.png` }
    this.facts.names.set(user, { display_name: `Name ${this.draw(1000)}`, ...picture })
    const isShared = this.conversations.some(({ members }) => members.has(SELF) && members.has(user))
    this.tell(isShared || user === SELF, {
      type: "user_updated",
      user: this.user(user)
    })
  }

  /** The profile of a user. */
  user(id: UserId): User {
    return { id, username: `user${id}`, created_at: AT, ...this.nameOf(id) }
  }

  /** The user blocks another one, or takes that back. */
  private block(user: UserId) {
    const blocked = !this.facts.blocked.delete(user)
    if (blocked) this.facts.blocked.add(user)
    this.tell(true, { type: "block", blocked_id: user, blocked })
  }

  private nameOf(user: UserId): Pick<Member, "display_name" | "avatar_url"> {
    return this.facts.names.get(user) ?? { display_name: `User ${user}` }
  }

  private member(conversation: StoredConversation, user: UserId): Member {
    const { role, lastRead } = conversation.members.get(user)!
    return {
      user_id: user,
      username: `user${user}`,
      ...this.nameOf(user),
      role,
      joined_at: AT,
      last_read_id: lastRead
    }
  }

  private shared({ id, kind, title, members }: StoredConversation) {
    const role = members.get(SELF)?.role ?? "member"
    return {
      id: id as ConversationId,
      kind,
      history: "all" as const,
      created_at: AT,
      member_count: members.size,
      ...(kind === "group" ? { title, role } : {})
    }
  }

  private entryOf(conversation: StoredConversation): ConversationEntry {
    const { members, messages, kind } = conversation
    const lastRead = members.get(SELF)!.lastRead
    const unread = messages.filter(
      ({ id, sender, isDeleted }) => id > lastRead && sender !== SELF && !isDeleted
    )
    const peer = [...members.keys()].find((user) => user !== SELF)
    const last = messages.at(-1)
    return {
      ...this.shared(conversation),
      ...(kind === "direct"
        ? {
            with: {
              user_id: peer!,
              username: `user${peer}`,
              ...this.nameOf(peer!),
              last_read_id: members.get(peer!)!.lastRead
            }
          }
        : {}),
      last_read_id: lastRead,
      unread: Math.min(unread.length, 100),
      last_message: last === undefined ? null : this.message(conversation, last, true),
      activity: this.activity(conversation)
    }
  }

  private pick<A>(items: ReadonlyArray<A>): A {
    return items[this.draw(items.length)]!
  }
}
