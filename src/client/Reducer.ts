import type { MessageId } from "../domain/Message.ts"
import { Draft } from "./Draft.ts"
import { applyEvent, applyNew, applyPassing, close } from "./Events.ts"
import type { Input } from "./Input.ts"
import { acknowledge, reduceOutbox } from "./OutboxState.ts"
import { applyPage } from "./Pages.ts"
import type { InboxEvent, State, Timeline } from "./State.ts"

/**
 * The next state. It depends on nothing else: no time, no chance, no network.
 *
 * Guarantee: after all events of an inbox up to a number, in order, and with every request answered, the loaded part of the state
 * is what a fresh load at that number shows, however often events were repeated and however late answers came. This holds
 * because an event says what is so from then on, not by how much something changed, so that events may be applied again on top
 * of an answer that knows them already.
 */
export const reduce = (state: State, inputs: ReadonlyArray<Input>): State => {
  const draft = new Draft(state)
  for (const input of inputs) apply(draft, input)
  return draft.state
}

const apply = (draft: Draft, input: Input) => {
  const { state, sync } = draft
  switch (input.type) {
    case "status":
      state.status = input.status
      // Frames without a number are not replayed: after a lost connection nothing is known of typing and presence.
      if (input.status.type !== "online") {
        if (state.typing.size > 0) state.typing = new Map()
        if (state.presence.size > 0) state.presence = new Map()
      }
      return
    case "storage":
      state.storage = input.storage
      return
    case "connected": {
      const isKnown = sync.cursor !== undefined && input.recovered
      if (!isKnown) loadAnew(draft, input.cursor)
      wantKnownMembers(draft)
      // Of another epoch, the last messages that they had read may be gone: the later of two marks does not count then.
      if (sync.epoch !== input.epoch) state.members = new Map()
      sync.epoch = input.epoch
      return
    }
    case "event":
      return takeEvent(draft, input.event)
    case "passing":
      return applyPassing(draft, input.frame, input.now)
    case "tick":
      return endTyping(draft, input.now)
    case "requested":
      draft.requests().set(input.request, sync.cursor ?? 0)
      return
    case "answered": {
      const since = sync.requests.get(input.request)
      // Asked before everything was loaded anew.
      if (since === undefined) return
      draft.requests().delete(input.request)
      if (input.page !== undefined) {
        applyPage(draft, input.page)
        for (const event of sync.log) if (event.seq > since) applyEvent(draft, event)
        // The user is no member of it: no event may ever say so, as after a gap.
        if (input.page.type === "conversation" && !state.conversations.has(input.page.id))
          close(draft, input.page.id)
      }
      trimLog(draft)
      return
    }
    case "opened": {
      const { id, around } = input
      const timeline = state.timelines.get(id)
      if (timeline === undefined || !isThere(timeline, around)) draft.load(id, { around })
      // Loaded anew, as after a gap, it is to have the same place.
      else if (timeline.around !== around) draft.timelines().set(id, { ...timeline, around })
      if (!state.conversations.has(id)) draft.want(id)
      return
    }
    case "closed":
      draft.timelines().delete(input.id)
      return
    case "members wanted":
      return draft.wantMembers(input.id)
    case "wanted":
      sync[input.part] = true
      return
    case "restored":
      Object.assign(state, input.state)
      Object.assign(sync, input.state.sync)
      state.sync = sync
      return
    case "acknowledged":
      return acknowledge(draft, input.clientId, input.message)
    default:
      state.outbox = reduceOutbox(state.outbox, input)
  }
}

/** Whether the wanted part of a history is loaded, or is being loaded: the newest messages, or those around one. */
const isThere = (timeline: Timeline, around: MessageId | undefined) => {
  if (timeline.isLoading) return timeline.around === around
  return around === undefined ? !timeline.hasNewer : timeline.messages.some(({ id }) => id === around)
}

const takeEvent = (draft: Draft, event: InboxEvent) => {
  const { sync } = draft
  // A repeat; or one after a gap, which the connection answers with a new one that begins at the cursor.
  if (sync.cursor === undefined || event.seq !== sync.cursor + 1) return
  sync.cursor = event.seq
  if (event.type === "omitted") return loadAnew(draft, event.seq)
  if (sync.requests.size > 0) draft.keep(event)
  applyNew(draft, event)
}

/** Forgets which events came when, and has all that is shown be loaded anew. It is shown as it was until then. */
const loadAnew = (draft: Draft, cursor: number) => {
  const { state, sync } = draft
  sync.cursor = cursor
  sync.log = []
  sync.requests = new Map()
  sync.wanted = new Set()
  if (state.blocked !== undefined) sync.wantsBlocks = true
  if (state.profile !== undefined) sync.wantsProfile = true
  sync.generation++
  wantKnownMembers(draft)
  state.list = { isLoaded: false, next: null }
  state.outbox = state.outbox.filter((entry) => entry.state !== "sent")
  // New messages are not added to the old ones: there is a gap between them.
  for (const id of [...state.timelines.keys()]) draft.load(id, { hasNewer: true })
}

const wantKnownMembers = (draft: Draft) => {
  for (const id of draft.state.members.keys()) draft.wantMembers(id)
}

const trimLog = ({ sync }: Draft) => {
  const oldest = Math.min(...sync.requests.values())
  if (sync.log.length > 0 && sync.log[0]!.seq <= oldest) sync.log = sync.log.filter(({ seq }) => seq > oldest)
}

const endTyping = (draft: Draft, now: number) => {
  for (const [id, users] of draft.state.typing) {
    const left = new Map([...users].filter(([, until]) => until > now))
    if (left.size === users.size) continue
    if (left.size === 0) draft.typing().delete(id)
    else draft.typing().set(id, left)
  }
}
