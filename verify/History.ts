import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import type { Message } from "./Frame.ts"
import type { InboxState, MessageState } from "./InboxState.ts"
import type { Send } from "./Ledger.ts"
import { type Group, inWords, type Refused, readersOf, type Unanswered } from "./Outgoing.ts"
import * as Progress from "./Progress.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

const PAGE = 100
const RECENT = 50

/** Whose history, and of which conversation: the direct ones where none is named. */
interface Of {
  readonly user_id: number
  readonly conversation_id?: number
}

const ids = (messages: ReadonlyArray<Message>): string => messages.map(({ id }) => id).join(" ")

/** What a message shows of itself, to compare: of a deleted one nothing but that it is deleted. */
const shown = (message: {
  readonly content: string
  readonly version: number
  readonly deleted: boolean
  readonly reactions: ReadonlyArray<string>
}): string =>
  message.deleted
    ? "deleted"
    : JSON.stringify([message.content, message.version, [...message.reactions].sort()])

const shownByHistory = ({ content, deleted_at, reactions = [], version = 1 }: Message): string =>
  shown({
    content,
    version,
    deleted: deleted_at !== undefined && content === "" && reactions.length === 0,
    reactions: reactions.map(({ count, emoji, mine }) => `${emoji} ${count} ${mine}`)
  })

const shownByEvents = (state: MessageState, userId: number): string =>
  shown({
    ...state,
    reactions: [...state.reactions].map(([emoji, users]) => `${emoji} ${users.size} ${users.has(userId)}`)
  })

/** What differs between a history and what the events of the same user add up to. */
const differences = (userId: number, history: ReadonlyArray<Message>, state: InboxState) => {
  const read = new Map(history.map((message) => [message.id, message]))
  return [...state.messages].flatMap(([id, message]) => {
    const inHistory = read.get(id)
    if (inHistory !== undefined && shownByHistory(inHistory) === shownByEvents(message, userId)) return []
    const what = inHistory === undefined ? "is not in the history" : "is another in the history"
    return [`user ${userId}: message ${id}, as the events have it, ${what}`]
  })
}

/**
 * Reads each user's history and recent list, and compares them with each other, with what was acknowledged, and with what the events of
 * the user, one state a client, add up to.
 */
export const compare = Effect.fn("History.compare")(function* (
  urls: ReadonlyArray<string>,
  clients: ReadonlyArray<ChatClient>,
  sends: ReadonlyArray<Send>,
  states: ReadonlyArray<InboxState>,
  groups: ReadonlyArray<Group> = []
) {
  const rest = yield* Rest
  const findings: Array<string> = []

  const byKey = Effect.fnUntraced(function* (node: number, of: Of) {
    const all: Array<Message> = []
    for (;;) {
      const last = all.at(-1)
      const query = { ...of, limit: PAGE, ...(last !== undefined && { before_id: last.id }) }
      const page = yield* onAnyNode(urls, node, (url) => rest.history(url, query))
      all.push(...page)
      if (page.length < PAGE) return all
    }
  })

  const compareOne = Effect.fnUntraced(function* ({ userId }: ChatClient, index: number) {
    const history = yield* byKey(index, { user_id: userId })
    const own = groups.filter(({ memberIds }) => memberIds.includes(userId))
    const ofGroups = yield* Effect.forEach(own, ({ conversationId }) =>
      byKey(index, { user_id: userId, conversation_id: conversationId })
    )
    const all = [history, ...ofGroups]
    const expected = sends.flatMap((send) =>
      send.acknowledged !== undefined && readersOf(send).includes(userId) ? [send.acknowledged.id] : []
    )
    const held = new Set(all.flat().map(({ id }) => id))
    const missing = expected.filter((id) => !held.has(id))
    if (missing.length > 0) findings.push(`user ${userId}: ${missing.length} messages are not in the history`)
    for (const part of all) {
      if (part.some(({ id }, n) => n > 0 && id >= part[n - 1]!.id)) {
        findings.push(`user ${userId}: the history is not newest first, each message once`)
      }
    }
    findings.push(...differences(userId, all.flat(), states[index]!))

    const half = Math.floor(history.length / 2)
    const skipped = yield* onAnyNode(urls, index, (url) =>
      rest.history(url, { user_id: userId, limit: PAGE, skip: half })
    )
    if (ids(skipped) !== ids(history.slice(half, half + PAGE))) {
      findings.push(`user ${userId}: the history by skip and by before_id differ`)
    }

    const recent = yield* onAnyNode(urls, index, (url) => rest.recent(url, userId))
    const received = history.filter(({ receiver_id }) => receiver_id === userId).slice(0, RECENT)
    if (ids(recent) !== ids(received)) findings.push(`user ${userId}: the recent list and the history differ`)
  })
  const failed = (client: ChatClient) => (error: Refused | Unanswered) =>
    Effect.sync(() => findings.push(`user ${client.userId}: history: ${inWords(error)}`))
  yield* Progress.forEach(
    "Reading histories",
    clients,
    (client, index) => compareOne(client, index).pipe(Effect.catch(failed(client))),
    8
  )
  return findings
})
