import type { ConversationEntry } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { InboxEvent, State, Sync } from "./State.ts"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/**
 * The next state while it is made. A map is copied before its first change, and once however many inputs follow: a replay of
 * thousands of events does not copy thousands of conversations for each.
 */
export class Draft {
  readonly state: Mutable<State>
  readonly sync: Mutable<Sync>
  private readonly owned = new Set<unknown>()

  constructor(base: State) {
    this.state = { ...base, sync: { ...base.sync } }
    this.sync = this.state.sync
  }

  conversations(): Map<ConversationId, ConversationEntry> {
    const own = this.own(this.state.conversations)
    this.state.conversations = own
    return own
  }

  timelines() {
    const own = this.own(this.state.timelines)
    this.state.timelines = own
    return own
  }

  members() {
    const own = this.own(this.state.members)
    this.state.members = own
    return own
  }

  typing() {
    const own = this.own(this.state.typing)
    this.state.typing = own
    return own
  }

  presence() {
    const own = this.own(this.state.presence)
    this.state.presence = own
    return own
  }

  requests() {
    const own = this.own(this.sync.requests)
    this.sync.requests = own
    return own
  }

  /** Keeps an event for the answers that may not know it. */
  keep(event: InboxEvent): void {
    const log = this.owned.has(this.sync.log) ? (this.sync.log as Array<InboxEvent>) : [...this.sync.log]
    this.owned.add(log)
    log.push(event)
    this.sync.log = log
  }

  want(id: ConversationId) {
    this.sync.wanted = withElement(this.sync.wanted, id)
  }

  unwant(id: ConversationId) {
    this.sync.wanted = withoutElement(this.sync.wanted, id)
  }

  wantMembers(id: ConversationId) {
    this.sync.wantedMembers = withElement(this.sync.wantedMembers, id)
  }

  unwantMembers(id: ConversationId) {
    this.sync.wantedMembers = withoutElement(this.sync.wantedMembers, id)
  }

  /** Puts a conversation into the list at its place. */
  put(conversation: ConversationEntry): void {
    const { id, activity } = conversation
    const conversations = this.conversations()
    const before = conversations.get(id)
    conversations.set(id, conversation)
    if (before?.activity === activity) return
    const order =
      before === undefined ? [...this.state.order] : this.state.order.filter((other) => other !== id)
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (conversations.get(order[middle]!)!.activity > activity) low = middle + 1
      else high = middle
    }
    order.splice(low, 0, id)
    this.state.order = order
  }

  remove(id: ConversationId): void {
    if (this.conversations().delete(id)) this.state.order = this.state.order.filter((other) => other !== id)
  }

  /** Changes a conversation of the list, if it is in it. */
  change(id: ConversationId, change: (conversation: ConversationEntry) => ConversationEntry): void {
    const conversation = this.state.conversations.get(id)
    if (conversation !== undefined) this.put(change(conversation))
  }

  private own<K, V>(map: ReadonlyMap<K, V>): Map<K, V> {
    if (this.owned.has(map)) return map as Map<K, V>
    const copy = new Map(map)
    this.owned.add(copy)
    return copy
  }
}

const withElement = <A>(set: ReadonlySet<A>, element: A): ReadonlySet<A> =>
  set.has(element) ? set : new Set(set).add(element)

const withoutElement = <A>(set: ReadonlySet<A>, element: A): ReadonlySet<A> =>
  set.has(element) ? new Set([...set].filter((other) => other !== element)) : set
