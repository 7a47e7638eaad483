import { directWith, type OutboxEntry, outgoingOf, type State } from "../src/client/MiniChat.ts"

const isWaiting = ({ state }: OutboxEntry) => state === "queued" || state === "sending"

const sendsIn = ({ outbox }: State) => outbox.filter(({ command }) => command.type === "send")

/** The messages that wait for a connection, or are on their way. */
export const waitingIn = (state: State) => sendsIn(state).filter(isWaiting)

/** The messages that the server refused. */
export const failedIn = (state: State) => sendsIn(state).filter(({ state }) => state === "failed")

/** The conversation that a message of the outbox belongs to; `undefined` when it is not loaded. */
export const conversationOfSend = (state: State, { command }: OutboxEntry): number | undefined => {
  if (command.type !== "send") return undefined
  return (
    command.conversation_id ??
    (command.receiver_id === undefined ? undefined : directWith(state, command.receiver_id)?.id)
  )
}

/** The message that a row of the list shows in place of the last one: a refused one, or without a connection one that waits. */
export const unsentOf = (state: State, id: number) => {
  if (state.outbox.length === 0) return undefined
  const outgoing = outgoingOf(state, id)
  const failed = outgoing.findLast(({ state }) => state === "failed")
  const item = failed ?? (state.status.type === "online" ? undefined : outgoing.findLast(isWaiting))
  if (item?.command.type !== "send") return undefined
  return { mark: failed === undefined ? "waiting" : "failed", content: item.command.content } as const
}
