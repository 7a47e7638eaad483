import { isDeepStrictEqual } from "node:util"
import type { HistoryAccess, Role } from "../../../src/domain/Conversation.ts"
import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import { MAXIMUM, type Operation, type Outcome } from "./Operation.ts"
import type { Reported } from "./Server.ts"

export interface ModelMessage {
  readonly id: MessageId
  readonly conversation: ConversationId
  readonly sender: UserId
  readonly isDirect: boolean
  readonly replyTo: MessageId | undefined
  readonly clientId: string | undefined
  /** When it was sent, in operations. */
  readonly at: number
  content: string
  metadata: unknown
  version: number
  isEdited: boolean
  isDeleted: boolean
  readonly reactions: Map<string, Set<UserId>>
}

export interface ModelMember {
  role: Role
  /** When it joined, in operations. */
  readonly since: number
  /** The time of the last message that it read. */
  readUpTo: number
  lastRead: MessageId | undefined
}

export interface ModelConversation {
  readonly id: ConversationId
  readonly kind: "direct" | "group"
  readonly history: HistoryAccess
  title: string | undefined
  metadata: unknown
  readonly members: Map<UserId, ModelMember>
  /** Who made a group under which client id. */
  madeAs: string | undefined
  /** The users of a direct conversation, also one who was erased. */
  readonly pair: readonly [UserId, UserId] | undefined
}

/** What should come of an operation. */
export type Verdict = "changed" | "unchanged" | { readonly why: string }

const refused = (why: string): Verdict => ({ why })

/** What is refused of a suspended user before anything else is looked at. */
const CLOSED_TO_SUSPENDED = new Set<Operation["type"]>([
  "createGroup",
  "createDirect",
  "update",
  "putMember",
  "removeMember",
  "markRead",
  "edit",
  "remove",
  "react",
  "unreact",
  "report"
])

/** What the server should know, kept in the plainest way: one operation after the other. */
export class Model {
  readonly conversations = new Map<ConversationId, ModelConversation>()
  readonly messages = new Map<MessageId, ModelMessage>()
  /** What each user ever read of messages, or got in events, so that nothing else may be in its inbox. */
  readonly shown = new Map<UserId, Set<string>>()
  readonly displayNames = new Map<UserId, string>()
  readonly erased = new Set<UserId>()
  readonly suspended = new Set<UserId>()
  readonly reports: Array<Reported> = []
  /** Who blocked whom, with the last message that the blocked user had read in their direct conversation. */
  private readonly blocks = new Map<UserId, Map<UserId, number>>()
  private time = 0

  /** Applies an operation: answers what should have come of it, given what did, as that has the ids. */
  apply(operation: Operation, outcome: Outcome): Verdict {
    this.time++
    const id = outcome.verdict === "refused" ? undefined : outcome.id
    const verdict = this.decide(operation, id)
    for (const message of this.messages.values()) {
      const { members } = this.conversations.get(message.conversation)!
      for (const user of members.keys()) {
        if (this.mayRead(user, message)) this.shownTo(user).add(message.content)
      }
    }
    return verdict
  }

  shownTo(user: UserId): Set<string> {
    const shown = this.shown.get(user) ?? new Set([""])
    this.shown.set(user, shown)
    return shown
  }

  mayRead(user: UserId, { conversation, at }: ModelMessage): boolean {
    const { members, history } = this.conversations.get(conversation)!
    const member = members.get(user)
    return member !== undefined && (history === "all" || at > member.since)
  }

  directOf(a: UserId, b: UserId): ModelConversation | undefined {
    return [...this.conversations.values()].find(({ pair }) => pair?.includes(a) === true && pair.includes(b))
  }

  blockedBy(user: UserId): ReadonlyArray<UserId> {
    return [...(this.blocks.get(user)?.keys() ?? [])]
  }

  /** How far a user is shown that the other one has read their direct conversation: not what it read since it was blocked. */
  readShownTo(user: UserId, peer: UserId, { members }: ModelConversation): number {
    const read = members.get(peer)?.lastRead ?? 0
    return Math.min(read, this.blocks.get(user)?.get(peer) ?? read)
  }

  private hasBlocked(user: UserId, other: UserId): boolean {
    return this.blocks.get(user)?.has(other) === true
  }

  private decide(operation: Operation, id: number | undefined): Verdict {
    if (this.suspended.has(operation.by) && CLOSED_TO_SUSPENDED.has(operation.type))
      return refused("Suspended")
    switch (operation.type) {
      case "send":
        return this.send(operation, id)
      case "createGroup": {
        return this.createGroup(operation, id)
      }
      case "createDirect": {
        if (this.erased.has(operation.other)) return refused("MembersNotFound")
        if (this.directOf(operation.by, operation.other) !== undefined) return "unchanged"
        if (this.hasBlocked(operation.other, operation.by)) return refused("Blocked")
        this.make(id!, "direct", [operation.by, operation.other], "all", undefined)
        return "changed"
      }
      case "update":
      case "putMember":
      case "removeMember":
        return this.changeGroup(operation)
      case "markRead":
        return this.markRead(operation)
      case "block":
      case "unblock":
        return this.changeBlock(operation)
      case "rename": {
        if (this.displayNames.get(operation.by) === operation.name) return "unchanged"
        this.displayNames.set(operation.by, operation.name)
        return "changed"
      }
      case "report":
        return this.report(operation.by, this.messages.get(operation.message)!)
      case "suspend":
        this.suspended.add(operation.by)
        return "changed"
      case "restore":
        this.suspended.delete(operation.by)
        return "changed"
      case "removeAny": {
        const message = this.messages.get(operation.message)!
        return this.delete(message)
      }
      case "erase":
        return this.erase(operation.by)
      default:
        return this.changeMessage(operation)
    }
  }

  private createGroup(
    operation: Extract<Operation, { type: "createGroup" }>,
    id: number | undefined
  ): Verdict {
    const { by, clientId, history, title } = operation
    const members = new Set([by, ...operation.members])
    const madeAs = clientId === undefined ? undefined : `${by} ${clientId}`
    const known =
      madeAs === undefined
        ? undefined
        : [...this.conversations.values()].find((conversation) => conversation.madeAs === madeAs)
    if (known !== undefined && !this.erased.has(by))
      return known.members.has(by) ? "unchanged" : refused("NotMember")
    if ([...members].some((user) => this.erased.has(user))) return refused("MembersNotFound")
    if (members.size > MAXIMUM) return refused("GroupFull")
    const made = this.make(id!, "group", [...members], history, title)
    made.madeAs = madeAs
    made.members.get(by)!.role = "owner"
    return "changed"
  }

  private report(by: UserId, message: ModelMessage): Verdict {
    const { content, conversation, id, isDeleted, metadata } = message
    if (!this.conversations.get(conversation)!.members.has(by)) return refused("NotMember")
    if (!this.mayRead(by, message)) return refused("MessageNotFound")
    if (this.reports.some((known) => known.message === id && known.by === by)) return "unchanged"
    if (isDeleted) return refused("MessageDeleted")
    this.reports.push({ message: id, by, content, metadata })
    return "unchanged"
  }

  private changeBlock({ by, other, type }: Extract<Operation, { type: "block" | "unblock" }>): Verdict {
    const blocked = this.blocks.get(by) ?? new Map<UserId, number>()
    this.blocks.set(by, blocked)
    if (type === "unblock") return blocked.delete(other) ? "changed" : "unchanged"
    if (this.erased.has(other)) return refused("UserNotFound")
    if (blocked.has(other)) return "unchanged"
    blocked.set(other, this.directOf(by, other)?.members.get(other)?.lastRead ?? 0)
    return "changed"
  }

  private erase(user: UserId): Verdict {
    this.erased.add(user)
    this.suspended.delete(user)
    this.displayNames.set(user, "")
    for (const { members } of this.conversations.values()) {
      const isOwner = members.get(user)?.role === "owner"
      members.delete(user)
      if (isOwner) this.crown(members)
    }
    for (const message of this.messages.values()) {
      for (const [emoji, users] of message.reactions)
        if (users.delete(user) && users.size === 0) message.reactions.delete(emoji)
      if (message.sender === user) this.deleteMessage(message)
    }
    for (const [place, report] of this.reports.entries()) {
      const isOfSender = this.messages.get(report.message)!.sender === user
      this.reports[place] = {
        ...report,
        ...(isOfSender ? { content: "", metadata: undefined } : {}),
        ...(report.by === user ? { by: undefined } : {})
      }
    }
    this.blocks.delete(user)
    for (const blocked of this.blocks.values()) blocked.delete(user)
    return "changed"
  }

  private deleteMessage(message: ModelMessage): void {
    Object.assign(message, {
      content: "",
      metadata: undefined,
      version: message.version + 1,
      isDeleted: true
    })
    message.reactions.clear()
  }

  private make(
    id: number,
    kind: "direct" | "group",
    users: ReadonlyArray<UserId>,
    history: HistoryAccess,
    title: string | undefined
  ): ModelConversation {
    const member = (user: UserId): [UserId, ModelMember] => [
      user,
      { role: "member", since: this.time, readUpTo: kind === "group" ? this.time : 0, lastRead: undefined }
    ]
    const made: ModelConversation = {
      id: id as ConversationId,
      kind,
      history,
      title,
      metadata: undefined,
      madeAs: undefined,
      pair: kind === "direct" ? [users[0]!, users[1]!] : undefined,
      members: new Map(users.map(member))
    }
    this.conversations.set(made.id, made)
    return made
  }

  private send(operation: Extract<Operation, { type: "send" }>, id: number | undefined): Verdict {
    const { by, to, content, replyTo, clientId, metadata } = operation
    const known = "group" in to ? this.conversations.get(to.group) : this.directOf(by, to.user)
    const repeated =
      clientId === undefined
        ? undefined
        : [...this.messages.values()].find(
            (message) => message.sender === by && message.clientId === clientId
          )
    if (repeated !== undefined) return "unchanged"
    if ("group" in to && !known!.members.has(by)) return refused("NotMember")
    if ("user" in to && this.erased.has(to.user)) return refused("ReceiverNotFound")
    if (this.suspended.has(by)) return refused("Suspended")
    if ("user" in to && this.hasBlocked(to.user, by)) return refused("Blocked")
    const quoted = replyTo === undefined ? undefined : this.messages.get(replyTo)!
    if (
      quoted !== undefined &&
      (quoted.isDeleted ||
        quoted.conversation !== known?.id ||
        ![...known.members.keys()].every((user) => this.mayRead(user, quoted)))
    ) {
      return refused("QuoteNotFound")
    }
    if (id === undefined) return "changed"
    const conversation =
      known ??
      this.make(this.directIdOf.get(id)!, "direct", [by, (to as { user: UserId }).user], "all", undefined)
    this.messages.set(id as MessageId, {
      id: id as MessageId,
      conversation: conversation.id,
      sender: by,
      isDirect: conversation.kind === "direct",
      replyTo,
      clientId,
      at: this.time,
      content,
      metadata,
      version: 1,
      isEdited: false,
      isDeleted: false,
      reactions: new Map()
    })
    return "changed"
  }

  /** The conversation of a direct message, as the server answered it. */
  readonly directIdOf = new Map<number, number>()

  private changeGroup(
    operation: Extract<Operation, { type: "update" | "putMember" | "removeMember" }>
  ): Verdict {
    const conversation = this.conversations.get(operation.conversation)!
    const { kind, members } = conversation
    const actor = members.get(operation.by)
    if (operation.type === "removeMember" && kind === "group" && operation.by === operation.member && !actor)
      return "unchanged"
    if (actor === undefined) return refused("NotMember")
    if (kind === "direct") return refused("NotAGroup")
    const leads = actor.role !== "member"
    if (operation.type === "update") {
      if (!leads) return refused("RoleForbids")
      const title = operation.title ?? conversation.title
      const metadata =
        operation.metadata === undefined ? conversation.metadata : (operation.metadata ?? undefined)
      if (title === conversation.title && isDeepStrictEqual(metadata, conversation.metadata))
        return "unchanged"
      Object.assign(conversation, { title, metadata })
      return "changed"
    }
    const target = members.get(operation.member)
    if (operation.type === "removeMember") {
      if (target === undefined) return "unchanged"
      const may =
        operation.by === operation.member ||
        actor.role === "owner" ||
        (actor.role === "admin" && target.role === "member")
      if (!may) return refused("RoleForbids")
      members.delete(operation.member)
      if (target.role === "owner") this.crown(members)
      return "changed"
    }
    const { role } = operation
    if (target !== undefined && (role === undefined || role === target.role)) return "unchanged"
    const isPlainAdding = target === undefined && (role ?? "member") === "member"
    if (isPlainAdding ? !leads : actor.role !== "owner") return refused("RoleForbids")
    if (target?.role === "owner") return refused("RoleForbids")
    if (target === undefined && members.size >= MAXIMUM) return refused("GroupFull")
    if (role === "owner") actor.role = "admin"
    if (target !== undefined) target.role = role!
    else {
      const joined = { since: this.time, readUpTo: this.time, lastRead: undefined }
      members.set(operation.member, { role: role ?? "member", ...joined })
    }
    return "changed"
  }

  private crown(members: ModelConversation["members"]): void {
    const oldest = [...members]
      .sort(([a, x], [b, y]) => x.since - y.since || a - b)
      .map(([, member]) => member)
    const next = oldest.find(({ role }) => role === "admin") ?? oldest[0]
    if (next !== undefined) next.role = "owner"
  }

  private markRead(operation: Extract<Operation, { type: "markRead" }>): Verdict {
    const member = this.conversations.get(operation.conversation)!.members.get(operation.by)
    if (member === undefined) return refused("NotMember")
    const message = this.messages.get(operation.message)!
    if (message.conversation !== operation.conversation || !this.mayRead(operation.by, message))
      return refused("MessageNotFound")
    if (message.at <= member.readUpTo) return "unchanged"
    Object.assign(member, { readUpTo: message.at, lastRead: message.id })
    return "changed"
  }

  /** A deletion that no member may see gives nobody an event: servers answer it as they answer one that changes nothing. */
  private delete(message: ModelMessage): Verdict {
    if (message.isDeleted) return "unchanged"
    this.deleteMessage(message)
    const { members } = this.conversations.get(message.conversation)!
    return [...members.keys()].some((user) => this.mayRead(user, message)) ? "changed" : "unchanged"
  }

  private changeMessage(
    operation: Extract<Operation, { type: "edit" | "remove" | "react" | "unreact" }>
  ): Verdict {
    const message = this.messages.get(operation.message)!
    const { kind, members, pair } = this.conversations.get(message.conversation)!
    const member = members.get(operation.by)
    const isOwn = message.sender === operation.by
    const isBlocked = pair?.some((other) => this.hasBlocked(other, operation.by)) === true
    if (!(operation.type === "remove" && isOwn && !this.erased.has(operation.by))) {
      if (member === undefined) return refused("NotMember")
      if (!this.mayRead(operation.by, message)) return refused("MessageNotFound")
    }
    if (operation.type === "edit") {
      if (!isOwn) return refused("NotAuthor")
      if (message.isDeleted) return refused("MessageDeleted")
      const metadata = operation.metadata === undefined ? message.metadata : (operation.metadata ?? undefined)
      if (message.content === operation.content && isDeepStrictEqual(metadata, message.metadata))
        return "unchanged"
      if (isBlocked) return refused("Blocked")
      if (operation.version !== undefined && operation.version !== message.version)
        return refused("VersionConflict")
      const { content } = operation
      Object.assign(message, { content, metadata, version: message.version + 1, isEdited: true })
      return "changed"
    }
    if (operation.type === "remove") {
      if (!isOwn && (kind === "direct" || member!.role === "member")) return refused("RoleForbids")
      return this.delete(message)
    }
    if (operation.type === "react" && message.isDeleted) return refused("MessageDeleted")
    const users = message.reactions.get(operation.emoji) ?? new Set()
    if (users.has(operation.by) === (operation.type === "react")) return "unchanged"
    if (operation.type === "react" && isBlocked) return refused("Blocked")
    if (operation.type === "react") message.reactions.set(operation.emoji, users.add(operation.by))
    else users.delete(operation.by)
    if (users.size === 0) message.reactions.delete(operation.emoji)
    return "changed"
  }
}
