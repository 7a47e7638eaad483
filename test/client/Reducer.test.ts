import { assert, describe, it } from "@effect/vitest"
import type { Input, Page } from "../../src/client/Input.ts"
import { keptMessage } from "../../src/client/Messages.ts"
import { reduce } from "../../src/client/Reducer.ts"
import { type InboxEvent, initialState, type State } from "../../src/client/State.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import { type Draw, drawFrom, Model, SELF } from "./support/Model.ts"

/** How many runs, each from a seed of its own. `CLIENT_SEED` repeats one of them. */
const RUNS = 1000
const STEPS = 120
const PAGE = 4

const NONE: ReadonlySet<ConversationId> = new Set()

/** A client whose network does what it likes: events repeat, answers come late, connections end. */
class Run {
  readonly draw: Draw
  readonly model: Model
  state: State = initialState(SELF)
  /** Answers that the server has given, and that have not come. */
  readonly onTheWay: Array<() => void> = []
  private requests = 0
  private delivered = 0

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
    this.dispatch({ type: "connected", cursor, epoch: "e", recovered })
  }

  deliver(count: number) {
    const events = this.model.inbox.slice(this.delivered, this.delivered + count)
    this.delivered += events.length
    const repeated = this.draw(4) === 0 ? this.model.inbox.slice(0, this.delivered).slice(-3) : []
    this.dispatch(...[...repeated, ...events, ...repeated].map((event): Input => ({ type: "event", event })))
  }

  /** Asks for a page. The server reads it some time later, and the answer comes later still. */
  ask(read: () => Page) {
    const request = ++this.requests
    this.dispatch({ type: "requested", request })
    const steps = this.draw(6)
    for (let i = 0; i < steps; i++) this.model.step()
    const page = read()
    this.onTheWay.push(() => this.dispatch({ type: "answered", request, page }))
  }

  arrive() {
    this.onTheWay.splice(this.draw(this.onTheWay.length), 1)[0]?.()
  }

  /** Asks for what the state says is missing. */
  check() {
    const { list, sync, timelines } = this.state
    if (sync.cursor === undefined || sync.requests.size > 3) return
    if (!list.isLoaded)
      return this.ask(() => ({ type: "conversations", ...this.model.list(2), before: undefined }))
    if (sync.wantsBlocks) return this.ask(() => ({ type: "blocks", blocked: new Set(this.model.blocked) }))
    if (sync.wantsProfile) return this.ask(() => ({ type: "profile", profile: this.model.user(SELF) }))
    for (const id of sync.wanted)
      return this.ask(() => ({ type: "conversation", id, entry: this.model.entry(id) }))
    for (const id of sync.wantedMembers)
      return this.ask(() => ({ type: "members", id, members: this.model.members(id) }))
    for (const [id, { isLoading, load }] of timelines)
      if (isLoading)
        return this.ask(() => {
          const history = this.model.history(id)
          const messages = history.slice(-PAGE)
          const hasOlder = messages.length < history.length
          return { type: "messages", id, load, messages, side: "all", hasOlder, hasNewer: false }
        })
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

  step() {
    const id = (1 + this.draw(4)) as ConversationId
    switch (this.draw(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.model.step()
      case 4:
      case 5:
        return this.deliver(1 + this.draw(4))
      case 6:
        return this.check()
      case 7:
        return this.arrive()
      case 8:
        return this.dispatch({ type: "opened", id, around: undefined })
      case 9:
        return this.older(id)
      case 10:
        if (this.state.conversations.get(id)?.kind === "group") this.dispatch({ type: "members wanted", id })
        return
      case 11: {
        const before = this.state.list.next
        if (before === null) return
        return this.ask(() => ({ type: "conversations", ...this.model.list(2, before), before }))
      }
      case 12:
        return this.draw(3) === 0 ? this.connect(this.draw(4) > 0) : undefined
      case 13:
        if (this.state.profile === undefined) this.dispatch({ type: "wanted", part: "wantsProfile" })
        return this.state.blocked === undefined
          ? this.dispatch({ type: "wanted", part: "wantsBlocks" })
          : undefined
    }
  }

  /** Everything arrives, and nothing more happens. */
  settle() {
    for (let i = 0; i < 200; i++) {
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
  compare(label: string) {
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
    for (const [id, timeline] of state.timelines) {
      const history = model.history(id)
      const first = timeline.hasOlder ? (timeline.messages[0]?.id ?? 0) : 0
      assert.deepEqual(
        timeline.messages.map(sorted),
        history.filter((message) => message.id >= first).map((message) => sorted(keptMessage(message))),
        `${label}: messages of ${id}`
      )
    }
    for (const [id, members] of state.members) {
      const byId = [...members.values()].toSorted((a, b) => a.user_id - b.user_id)
      assert.deepEqual(byId, model.members(id), `${label}: members of ${id}`)
    }
    if (state.blocked !== undefined) assert.deepEqual(state.blocked, model.blocked, `${label}: blocks`)
    if (state.profile !== undefined) assert.deepEqual(state.profile, model.user(SELF), `${label}: profile`)
  }
}

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
      run.compare(`CLIENT_SEED=${seed}`)
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
