import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message } from "../domain/Message.ts"
import type { OutboxEntry } from "./Command.ts"
import type { Draft } from "./Draft.ts"
import type { Input } from "./Input.ts"
import { mapChanged, reaches, withMessage } from "./Messages.ts"

type OutboxInput = Extract<
  Input,
  { type: "queued" | "stored" | "sending" | "requeued" | "refused" | "settled" }
>

/** The outbox after a change of it. */
export const reduceOutbox = (
  outbox: ReadonlyArray<OutboxEntry>,
  input: OutboxInput
): ReadonlyArray<OutboxEntry> => {
  switch (input.type) {
    case "queued":
      return outbox.some(({ client_id }) => client_id === input.entry.client_id)
        ? outbox
        : inOrder([...outbox, input.entry])
    case "stored":
      return merged(outbox, input.entries)
    case "sending":
      return changed(outbox, input.clientId, (entry) => ({ ...entry, state: "sending" }))
    case "requeued":
      return changed(outbox, input.clientId, ({ failure: _, ...entry }) => ({ ...entry, state: "queued" }))
    case "refused":
      return changed(outbox, input.clientId, (entry) => ({
        ...entry,
        state: "failed",
        failure: input.failure
      }))
    case "settled":
      return outbox.filter(({ client_id }) => client_id !== input.clientId)
  }
}

/**
 * Puts an acknowledged message into its conversation, where the event that reports it will find it. It stays in the outbox only
 * while its conversation is not known, as after the first message to a user.
 */
export const acknowledge = (draft: Draft, clientId: string, message: Message) => {
  const id = message.conversation_id
  if (id !== undefined && !draft.state.conversations.has(id)) {
    draft.want(id)
    draft.state.outbox = changed(draft.state.outbox, clientId, (entry) => ({
      ...entry,
      state: "sent",
      message
    }))
    return
  }
  const timeline = id === undefined ? undefined : draft.state.timelines.get(id)
  if (id !== undefined && timeline !== undefined && reaches(timeline, message)) {
    draft.timelines().set(id, { ...timeline, messages: withMessage(timeline.messages, message) })
  }
  draft.state.outbox = settleSent(draft.state.outbox, clientId)
}

/** The outbox without the messages to a conversation that is known by now. */
export const settleKnown = (draft: Draft, id: ConversationId) => {
  const { outbox } = draft.state
  const isSettled = ({ message }: OutboxEntry) => message?.conversation_id === id
  if (outbox.some(isSettled)) draft.state.outbox = outbox.filter((entry) => !isSettled(entry))
}

/** The outbox without a message that has come back as an event. */
export const settleSent = (
  outbox: ReadonlyArray<OutboxEntry>,
  clientId: string
): ReadonlyArray<OutboxEntry> =>
  outbox.some(({ client_id }) => client_id === clientId)
    ? outbox.filter(({ client_id }) => client_id !== clientId)
    : outbox

const changed = (
  outbox: ReadonlyArray<OutboxEntry>,
  clientId: string,
  change: (entry: OutboxEntry) => OutboxEntry
) => mapChanged(outbox, (entry) => (entry.client_id === clientId ? change(entry) : entry))

const inOrder = (entries: ReadonlyArray<OutboxEntry>) =>
  entries.toSorted((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0))

/** What the storage holds, where this tab does not know better: what it sends itself, and what is acknowledged. */
const merged = (outbox: ReadonlyArray<OutboxEntry>, stored: ReadonlyArray<OutboxEntry>) => {
  const known = new Map(outbox.map((entry) => [entry.client_id, entry]))
  const kept = outbox.filter(({ state }) => state === "sent" || state === "sending")
  const held = new Set(kept.map(({ client_id }) => client_id))
  const others = stored.filter(({ client_id }) => !held.has(client_id))
  return inOrder([...kept, ...others.map((entry) => sameOr(known.get(entry.client_id), entry))])
}

const sameOr = (known: OutboxEntry | undefined, entry: OutboxEntry) =>
  known !== undefined && known.state === entry.state ? known : entry
