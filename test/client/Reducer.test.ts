import { assert, describe, it } from "@effect/vitest"
import type { Input, Page } from "../../src/client/Input.ts"
import { keptMessage } from "../../src/client/Messages.ts"
import { reduce } from "../../src/client/Reducer.ts"
import { type InboxEvent, initialState, type State } from "../../src/client/State.ts"
import type { Member } from "../../src/domain/Conversation.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import type { MessageId } from "../../src/domain/Message.ts"
import { type Draw, drawFrom, Model, SELF } from "./support/Model.ts"

/** How many runs, each from a seed of its own. `CLIENT_SEED` repeats one of them. */
const RUNS = 1000
const STEPS = 120
const PAGE = 4

const NONE: ReadonlySet<ConversationId> = new Set()

/** A client whose network does what it likes: events repeat, answers come late, connections end, the server is restored. */
class Run {
  readonly draw: Draw
  readonly model: Model
  state: State = initialState(SELF)
  /** Answers that the server has given, and that have not come. */
  readonly onTheWay: Array<() => void> = []
  /** The opened conversations, each with the part of its history that was asked for. */
  private readonly opened = new Map<ConversationId, MessageId | "newest" | "any">()
  /** The groups whose members were asked for. */
  private readonly listed = new Set<ConversationId>()
  private requests = 0
  private delivered = 0
  private epochs = 0
  private isSettling = false

  constructor(seed: number) {
    this.draw = drawFrom(seed)
    this.model = new Model(this.draw)
  }

  dispatch(...inputs: ReadonlyArray<Input>) {
    this.state = reduce(this.state, inputs)
  }

  connect(recovered: boolean) {
    const cursor =
      recovered && this.state.sync.cursor !== undefined ? this.state.sync.cursor : this.model.head
    this.delivered = cursor
    if (!recovered) this.shownAnywhere()
    this.dispatch({ type: "connected", cursor, epoch: `e${this.epochs}`, recovered })
  }

  /** Loaded anew, a conversation may be shown at another place. */
  private shownAnywhere() {
    for (const id of this.opened.keys()) this.opened.set(id, "any")
  }

  /** The server goes on from a backup. */
  restore() {
    this.model.restore()
    this.epochs++
    this.connect(false)
  }

  deliver(count: number) {
    const events = this.model.inbox.slice(this.delivered, this.delivered + count)
    this.delivered += events.length
    for (const event of events) {
      if (event.type === "omitted") this.shownAnywhere()
      if (event.type !== "conversation_removed") continue
      this.opened.delete(event.conversation_id)
      this.listed.delete(event.conversation_id)
    }
    for (const frame of this.model.passing.splice(0))
      if (this.draw(2) === 0) this.dispatch({ type: "passing", frame, now: 0 })
    const repeated = this.draw(4) === 0 ? this.model.inbox.slice(0, this.delivered).slice(-3) : []
    this.dispatch(...[...repeated, ...events, ...repeated].map((event): Input => ({ type: "event", event })))
  }

  /** Asks for a page. The server reads it some time later, and the answer comes later still. */
  ask(read: () => Page) {
    const request = ++this.requests
    this.dispatch({ type: "requested", request })
    const steps = this.isSettling ? 0 : this.draw(6)
    for (let i = 0; i < steps; i++) this.model.step()
    const page = read()
    this.onTheWay.push(() => {
      const isAwaited = this.state.sync.requests.has(request)
      this.dispatch({ type: "answered", request, page })
      if (!isAwaited || page.type !== "conversation" || this.state.conversations.has(page.id)) return
      this.opened.delete(page.id)
      this.listed.delete(page.id)
    })
  }

  arrive() {
    this.onTheWay.splice(this.draw(this.onTheWay.length), 1)[0]?.()
  }

  /** Asks for one of the things that the state says are missing. */
  check() {
    const { list, sync, timelines } = this.state
    if (sync.cursor === undefined || sync.requests.size > 5) return
    const { model } = this
    const missing: Array<() => Page> = []
    if (!list.isLoaded) missing.push(() => ({ type: "conversations", ...model.list(2), before: undefined }))
    if (sync.wantsBlocks) missing.push(() => ({ type: "blocks", blocked: new Set(model.blocked) }))
    if (sync.wantsProfile) missing.push(() => ({ type: "profile", profile: model.user(SELF) }))
    for (const id of sync.wanted) missing.push(() => ({ type: "conversation", id, entry: model.entry(id) }))
    for (const id of sync.wantedMembers)
      missing.push(() => ({ type: "members", id, members: model.members(id) }))
    for (const [id, { isLoading, load, around }] of timelines)
      if (isLoading) missing.push(() => this.messagesAround(id, load, around))
    if (missing.length > 0) this.ask(missing[this.draw(missing.length)]!)
  }

  private messagesAround(id: ConversationId, load: number, around = Number.POSITIVE_INFINITY): Page {
    const before = this.model.history(id).filter((message) => message.id <= around)
    const after = this.model.history(id).filter((message) => message.id > around)
    return {
      type: "messages",
      id,
      load,
      messages: [...before.slice(-PAGE), ...after.slice(0, PAGE)],
      side: "all",
      hasOlder: before.length > PAGE,
      hasNewer: after.length > PAGE
    }
  }

  open(id: ConversationId, around: MessageId | undefined) {
    this.opened.set(id, around ?? "newest")
    this.dispatch({ type: "opened", id, around })
  }

  close(id: ConversationId) {
    this.opened.delete(id)
    this.dispatch({ type: "closed", id })
  }

  loadMembers(id: ConversationId) {
    if (!this.model.isGroup(id)) return
    this.listed.add(id)
    this.dispatch({ type: "members wanted", id })
  }

  older(id: ConversationId) {
    const timeline = this.state.timelines.get(id)
    if (timeline === undefined || timeline.isLoading || !timeline.hasOlder) return
    const first = timeline.messages[0]?.id ?? Number.POSITIVE_INFINITY
    this.ask(() => {
      const before = this.model.history(id).filter((message) => message.id < first)
      const messages = before.slice(-PAGE)
      const hasOlder = messages.length < before.length
      return { type: "messages", id, load: timeline.load, messages, side: "older", hasOlder, hasNewer: false }
    })
  }

  newer(id: ConversationId) {
    const timeline = this.state.timelines.get(id)
    if (timeline === undefined || timeline.isLoading || !timeline.hasNewer) return
    const last = timeline.messages.at(-1)?.id ?? 0
    this.ask(() => {
      const after = this.model.history(id).filter((message) => message.id > last)
      const messages = after.slice(0, PAGE)
      const hasNewer = messages.length < after.length
      return { type: "messages", id, load: timeline.load, messages, side: "newer", hasOlder: false, hasNewer }
    })
  }

  step() {
    const id = (1 + this.draw(4)) as ConversationId
    switch (this.draw(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return this.model.step()
      case 5:
      case 6:
      case 7:
        return this.deliver(1 + this.draw(4))
      case 8:
      case 9:
        return this.check()
      case 10:
        return this.arrive()
      case 11:
        return this.open(id, undefined)
      case 12: {
        const history = this.model.history(id)
        return this.open(id, history[this.draw(history.length)]?.id)
      }
      case 13:
        return this.draw(2) === 0 ? this.close(id) : undefined
      case 14:
        return this.older(id)
      case 15:
        return this.newer(id)
      case 16:
        return this.loadMembers(id)
      case 17: {
        const before = this.state.list.next
        if (before === null) return
        return this.ask(() => ({ type: "conversations", ...this.model.list(2, before), before }))
      }
      case 18:
        switch (this.draw(8)) {
          case 0:
            return this.connect(false)
          case 1:
            return this.model.save()
          case 2:
            return this.restore()
          default:
            return this.draw(2) === 0 ? this.connect(true) : undefined
        }
      case 19:
        if (this.state.profile === undefined) this.dispatch({ type: "wanted", part: "wantsProfile" })
        return this.state.blocked === undefined
          ? this.dispatch({ type: "wanted", part: "wantsBlocks" })
          : undefined
    }
  }

  /** Everything arrives, and nothing more happens. */
  settle() {
    this.isSettling = true
    for (let i = 0; i < 60; i++) {
      this.deliver(1000)
      while (this.onTheWay.length > 0) this.arrive()
      this.check()
    }
    const { sync, list, timelines } = this.state
    assert.strictEqual(sync.cursor, this.model.head)
    assert.deepInclude(sync, {
      wanted: NONE,
      wantedMembers: NONE,
      wantsBlocks: false,
      wantsProfile: false,
      log: []
    })
    assert.isTrue(list.isLoaded)
    assert.isFalse([...timelines.values()].some(({ isLoading }) => isLoading))
  }

  /** The loaded part of the state, and the same part of a fresh load. */
  compare(label: string, areReadsKnown: boolean) {
    const { state, model } = this
    const fresh = model.list(100)
    const loaded = state.order.map((id) => state.conversations.get(id)!)
    const { next } = state.list
    const expected = fresh.conversations
      .filter(({ id, activity }) => next === null || activity >= next || state.conversations.has(id))
      .map((entry) => ({
        ...entry,
        last_message: entry.last_message && withoutReactions(keptMessage(entry.last_message))
      }))
    assert.deepEqual(loaded, expected, `${label}: conversations`)
    assert.sameMembers([...state.timelines.keys()], [...this.opened.keys()], `${label}: opened`)
    for (const [id, { messages, hasOlder, hasNewer }] of state.timelines) {
      const history = model.history(id)
      const first = hasOlder ? (messages[0]?.id ?? 0) : 0
      const last = hasNewer ? messages.at(-1)!.id : Number.POSITIVE_INFINITY
      assert.deepEqual(
        messages.map(sorted),
        history
          .filter((message) => message.id >= first && message.id <= last)
          .map((message) => sorted(keptMessage(message))),
        `${label}: messages of ${id}`
      )
      const place = this.opened.get(id)
      if (place === "newest") assert.isFalse(hasNewer, `${label}: the newest of ${id}`)
      else if (history.some((message) => message.id === place))
        assert.include(
          messages.map((message) => message.id),
          place as MessageId,
          `${label}: ${place} of ${id}`
        )
    }
    assert.sameMembers([...state.members.keys()], [...this.listed], `${label}: groups with members`)
    for (const [id, members] of state.members) {
      const byId = [...members.values()].toSorted((a, b) => a.user_id - b.user_id)
      const shown = areReadsKnown ? byId : byId.map(withoutRead)
      const expected = areReadsKnown ? model.members(id) : model.members(id).map(withoutRead)
      assert.deepEqual<ReadonlyArray<unknown>>(shown, expected, `${label}: members of ${id}`)
    }
    if (state.blocked !== undefined) assert.deepEqual(state.blocked, model.blocked, `${label}: blocks`)
    if (state.profile !== undefined) assert.deepEqual(state.profile, model.user(SELF), `${label}: profile`)
  }
}

const withoutRead = ({ last_read_id: _, ...member }: Member) => member

const withoutReactions = ({ reactions: _, ...message }: ReturnType<typeof keptMessage>) => message

const sorted = (message: ReturnType<typeof keptMessage>) =>
  message.reactions === undefined
    ? message
    : { ...message, reactions: message.reactions.toSorted((a, b) => (a.emoji < b.emoji ? -1 : 1)) }

const seeds =
  process.env.CLIENT_SEED === undefined
    ? Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31))
    : [Number(process.env.CLIENT_SEED)]

describe("the reducer", () => {
  it("ends where a fresh load does, whatever is repeated and however late answers are", () => {
    for (const seed of seeds) {
      const run = new Run(seed)
      run.connect(true)
      for (let i = 0; i < STEPS; i++) run.step()
      run.settle()
      run.compare(`CLIENT_SEED=${seed}`, false)
      // Frames about what members had read may have been lost: a new connection makes up for them.
      run.connect(true)
      run.settle()
      run.compare(`CLIENT_SEED=${seed}`, true)
    }
  })

  it("takes no page of the list that begins below its end: what is between them would be missing", () => {
    const model = new Model(drawFrom(1))
    const [one, two] = model.list(2).conversations
    const entries = [40, 30, 20, 10].map((activity, i) => ({ ...(i % 2 === 0 ? one! : two!), activity }))
    const at = (place: number) => ({ ...entries[4 - place / 10]!, id: place as ConversationId })
    const page = (places: ReadonlyArray<number>, next: number | null, before?: number): Page => ({
      type: "conversations",
      conversations: places.map(at),
      next,
      before
    })
    const connected: Input = { type: "connected", cursor: 1, epoch: "e", recovered: false }
    const requested = (request: number): Input => ({ type: "requested", request })
    const answered = (request: number, page: Page): Input => ({ type: "answered", request, page })
    const shown = ({ list, order }: State): readonly [State["list"], ReadonlyArray<number>] => [list, order]

    // Asked for after the first answer; the second one has fewer of the conversations.
    const twice = [
      requested(1),
      requested(2),
      answered(1, page([40, 30, 20], 20)),
      requested(3),
      answered(2, page([40, 30], 30))
    ]
    const state = reduce(initialState(SELF), [connected, ...twice, answered(3, page([10], null, 20))])
    assert.deepEqual(shown(state), [{ isLoaded: true, next: 30 }, [40, 30]])
    const further = reduce(state, [requested(4), answered(4, page([20], 20, 30))])
    assert.deepEqual(shown(further), [{ isLoaded: true, next: 20 }, [40, 30, 20]])
    // One that begins above the end again, and one after the last.
    const repeated = [requested(5), answered(5, page([20, 10], null, 30))]
    const whole = reduce(further, [...repeated, requested(6), answered(6, page([20], 20, 30))])
    assert.deepEqual(shown(whole), [{ isLoaded: true, next: null }, [40, 30, 20, 10]])

    // Its place was taken before everything was loaded anew, and it was asked for after that.
    const early = reduce(whole, [connected, requested(7), answered(7, page([10], null, 20))])
    assert.isFalse(early.list.isLoaded)
    const first = reduce(early, [requested(8), requested(9), answered(8, page([40, 30], 30))])
    const late = reduce(first, [answered(9, page([10], null, 20))])
    assert.deepEqual(shown(late), [{ isLoaded: true, next: 30 }, [40, 30]])
  })

  it("loads the messages around one also when they are just being loaded anew, and once however often it is opened", () => {
    const model = new Model(drawFrom(1))
    while (model.history(1).length === 0) model.step()
    const id = 1 as ConversationId
    const messages = model.history(id)
    const connected: Input = { type: "connected", cursor: 1, epoch: "e", recovered: false }
    const opened = (around?: MessageId): Input => ({ type: "opened", id, around })
    const { timelines } = reduce(initialState(SELF), [connected, opened(), opened()])
    const { load } = timelines.get(id)!
    assert.strictEqual(load, 1)
    const page: Page = { type: "messages", id, load, messages, side: "all", hasOlder: false, hasNewer: false }
    const state = reduce(initialState(SELF), [
      connected,
      opened(),
      { type: "requested", request: 1 },
      { type: "answered", request: 1, page },
      connected,
      opened(messages[0]!.id)
    ])
    assert.deepInclude(state.timelines.get(id), { isLoading: true, around: messages[0]!.id })
  })

  it("closes a conversation whose user turns out to be no member, unless it was added since it was asked for", () => {
    const id = 1 as ConversationId
    const refused: Page = { type: "conversation", id, entry: undefined }
    const asked: ReadonlyArray<Input> = [
      { type: "connected", cursor: 1, epoch: "e", recovered: true },
      { type: "opened", id, around: undefined },
      { type: "requested", request: 1 }
    ]
    const answered: Input = { type: "answered", request: 1, page: refused }
    const {
      last_read_id: _,
      unread: __,
      last_message: ___,
      ...conversation
    } = new Model(drawFrom(1)).list(1).conversations[0]!
    const event = { type: "conversation_added", seq: 2, conversation: { ...conversation, id } } as InboxEvent
    const opened = (inputs: ReadonlyArray<Input>) => [...reduce(initialState(SELF), inputs).timelines.keys()]
    assert.deepEqual(opened([...asked, answered]), [])
    assert.deepEqual(opened([...asked, { type: "event", event }, answered]), [id])
  })

  it("takes no event after a gap, and says so by its cursor", () => {
    const event = (seq: number): Input => ({
      type: "event",
      event: { type: "unknown", seq } satisfies InboxEvent
    })
    const connected: Input = { type: "connected", cursor: 4, epoch: "e", recovered: true }
    const state = reduce(initialState(SELF), [connected, event(5), event(5), event(7), event(8)])
    assert.strictEqual(state.sync.cursor, 5)
  })
})
