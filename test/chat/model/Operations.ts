import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import type { Random } from "../../fuzz/support/Random.ts"
import type { Model, ModelMessage } from "./Model.ts"
import type { Operation } from "./Operation.ts"

/** So many users are not erased, so that there is something to do. */
const FEWEST = 4

const EMOJIS = ["👍", "🎉", "👩‍🚀", "1️⃣"]

/** Makes operations that make sense for what there is, and some that do not. */
export const makeOperations = (random: Random, all: ReadonlyArray<UserId>, model: Model) => {
  let made = 0
  /** Users who are not erased, as of the operation that is made. */
  let users = all
  const isThere = (user: UserId) => !model.erased.has(user)
  const recent = <A>(items: ReadonlyArray<A>) => random.pick(random.chance(0.7) ? items.slice(-12) : items)
  /** What may be asked again under its client id. */
  const repeatable: Array<Operation> = []

  /** Mostly a member of the conversation. */
  const someoneIn = (conversation: ConversationId) => {
    const members = [...model.conversations.get(conversation)!.members.keys()]
    return members.length > 0 && random.chance(0.85) ? random.pick(members) : random.pick(users)
  }
  const messageIn = (conversation: ConversationId): MessageId | undefined => {
    const inIt = [...model.messages.values()].filter((message) => message.conversation === conversation)
    return inIt.length === 0 ? undefined : recent(inIt).id
  }
  const isRead = (message: ModelMessage) => users.some((user) => model.mayRead(user, message))
  const anyMessage = () => recent([...model.messages.values()])

  const send = (conversation: ConversationId): Operation => {
    const by = someoneIn(conversation)
    const known = model.conversations.get(conversation)!
    const peer = known.pair?.find((user) => user !== by)
    const to = peer === undefined ? { group: conversation } : { user: peer }
    const [n, clientId] = [++made, random.chance(0.3) ? `c${made}` : undefined]
    const replyTo = random.chance(0.3)
      ? random.chance(0.8)
        ? messageIn(conversation)
        : anyMessage()?.id
      : undefined
    const metadata = random.chance(0.2) ? { n } : undefined
    const operation: Operation = { type: "send", by, to, content: `text ${n}`, replyTo, clientId, metadata }
    if (clientId !== undefined) repeatable.push(operation)
    return operation
  }

  const direct = (): Operation => {
    const by = random.pick(users)
    const user = random.pick(all.filter((other) => other !== by))
    const content = `text ${++made}`
    return {
      type: "send",
      by,
      to: { user },
      content,
      replyTo: undefined,
      clientId: undefined,
      metadata: undefined
    }
  }

  const createGroup = (): Operation => {
    const members = users.filter(() => random.chance(0.45))
    const history = random.chance(0.5) ? "all" : "joined"
    const [n, clientId] = [++made, random.chance(0.5) ? `c${made}` : undefined]
    const by = random.pick(users)
    const operation: Operation = {
      type: "createGroup",
      by,
      members,
      title: `group ${n}`,
      history,
      clientId
    }
    if (clientId !== undefined) repeatable.push(operation)
    return operation
  }

  const aboutConversation = (conversation: ConversationId): Operation => {
    const by = someoneIn(conversation)
    switch (random.below(10)) {
      case 0: {
        const title = random.chance(0.6) ? `title ${++made}` : undefined
        const metadata = random.chance(0.4) ? (random.chance(0.3) ? null : { n: ++made }) : undefined
        return { type: "update", by, conversation, title, metadata }
      }
      case 1:
      case 2:
      case 3:
      case 4: {
        const role = random.chance(0.5)
          ? undefined
          : random.pick(["owner", "admin", "admin", "member"] as const)
        return { type: "putMember", by, conversation, member: random.pick(users), role }
      }
      case 5:
      case 6:
        return {
          type: "removeMember",
          by,
          conversation,
          member: random.chance(0.4) ? by : random.pick(users)
        }
      default: {
        const message = random.chance(0.9) ? messageIn(conversation) : undefined
        return { type: "markRead", by, conversation, message: message ?? anyMessage().id }
      }
    }
  }

  const aboutMessage = (): Operation => {
    const message = anyMessage()
    const isByAuthor = random.chance(0.5) && isThere(message.sender)
    const by = isByAuthor ? message.sender : someoneIn(message.conversation)
    switch (random.below(9)) {
      case 8:
        return { type: "report", by, message: message.id }
      case 0:
        // The events of a deletion tell that it changed something: somebody must get one.
        return {
          type: random.chance(0.8) || !isRead(message) ? "remove" : "removeAny",
          by,
          message: message.id
        }
      case 1:
      case 2:
      case 3: {
        const content = random.chance(0.15) && !message.isDeleted ? message.content : `text ${++made}`
        const version = random.chance(0.4)
          ? random.chance(0.8)
            ? message.version
            : message.version + 1
          : undefined
        const metadata = random.chance(0.3) ? (random.chance(0.4) ? null : { n: ++made }) : undefined
        return { type: "edit", by, message: message.id, content, version, metadata }
      }
      case 4:
      case 5:
        return { type: "unreact", by, message: message.id, emoji: random.pick(EMOJIS) }
      default:
        return { type: "react", by, message: message.id, emoji: random.pick(EMOJIS) }
    }
  }

  const aboutUsers = (): Operation => {
    const by = random.pick(users)
    const other = random.pick(all.filter((user) => user !== by))
    if (random.chance(0.02) && users.length > FEWEST) return { type: "erase", by }
    if (random.chance(0.06)) return { type: "suspend", by }
    const suspended = users.filter((user) => model.suspended.has(user))
    if (suspended.length > 0 && random.chance(0.3)) return { type: "restore", by: random.pick(suspended) }
    if (random.chance(0.4)) return { type: "rename", by, name: `name ${random.chance(0.2) ? made : ++made}` }
    return { type: random.chance(0.45) ? "block" : "unblock", by, other }
  }

  return (): Operation => {
    users = all.filter(isThere)
    const conversations = [...model.conversations.keys()]
    if (conversations.length === 0) return createGroup()
    if (model.messages.size === 0) return send(recent(conversations))
    const kind = random.below(100)
    if (kind < 1) return createGroup()
    if (kind < 2) {
      const by = random.pick(users)
      return { type: "createDirect", by, other: random.pick(all.filter((other) => other !== by)) }
    }
    if (kind < 4) return direct()
    const known = repeatable.filter(({ by }) => isThere(by))
    if (kind < 7 && known.length > 0) return recent(known)
    if (kind < 14) return aboutUsers()
    if (kind < 45) return send(recent(conversations))
    if (kind < 70) return aboutConversation(recent(conversations))
    return aboutMessage()
  }
}
