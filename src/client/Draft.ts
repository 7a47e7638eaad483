import type { ConversationEntry } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { InboxEvent, State, Sync, Timeline } from "./State.ts"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

type MutableMap<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never

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

  conversations() {
    return this.own(this.state, "conversations")
  }

  timelines() {
    return this.own(this.state, "timelines")
  }

  members() {
    return this.own(this.state, "members")
  }

  typing() {
    return this.own(this.state, "typing")
  }

  presence() {
    return this.own(this.state, "presence")
  }

  requests() {
    return this.own(this.sync, "requests")
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

  /** Has the messages of an opened conversation be loaded, or loaded anew. What is loaded is shown until then. */
  load(id: ConversationId, change: Partial<Timeline> = {}): void {
    const empty = { messages: [], hasOlder: true, hasNewer: true, around: undefined }
    const known = this.state.timelines.get(id)
    const load = ++this.sync.loads
    this.timelines().set(id, { ...empty, ...known, ...change, isLoading: true, load })
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

  /** A map of the state, copied before its first change. */
  private own<Place, Key extends keyof Place>(place: Place, key: Key): MutableMap<Place[Key]> {
    const map = place[key]
    if (this.owned.has(map)) return map as MutableMap<Place[Key]>
    const copy = new Map(map as Map<unknown, unknown>) as Place[Key] & MutableMap<Place[Key]>
    this.owned.add(copy)
    place[key] = copy
    return copy
  }
}

const withElement = <A>(set: ReadonlySet<A>, element: A): ReadonlySet<A> =>
  set.has(element) ? set : new Set(set).add(element)

const withoutElement = <A>(set: ReadonlySet<A>, element: A): ReadonlySet<A> =>
  set.has(element) ? new Set([...set].filter((other) => other !== element)) : set
