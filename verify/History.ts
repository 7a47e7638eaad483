import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import type { Message } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import { inWords, type Refused, type Unanswered } from "./Outgoing.ts"
import * as Progress from "./Progress.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

const PAGE = 100
const RECENT = 50

const ids = (messages: ReadonlyArray<Message>): string => messages.map(({ id }) => id).join(" ")

/** Reads each user's history and recent list, and compares them with each other and with what was acknowledged. */
export const compare = Effect.fn("History.compare")(function* (
  urls: ReadonlyArray<string>,
  clients: ReadonlyArray<ChatClient>,
  sends: ReadonlyArray<Send>
) {
  const rest = yield* Rest
  const findings: Array<string> = []

  const byKey = Effect.fnUntraced(function* (node: number, userId: number) {
    const all: Array<Message> = []
    for (;;) {
      const last = all.at(-1)
      const query = { user_id: userId, limit: PAGE, ...(last !== undefined && { before_id: last.id }) }
      const page = yield* onAnyNode(urls, node, (url) => rest.history(url, query))
      all.push(...page)
      if (page.length < PAGE) return all
    }
  })

  const compareOne = Effect.fnUntraced(function* ({ userId }: ChatClient, index: number) {
    const history = yield* byKey(index, userId)
    const expected = sends.flatMap((send) =>
      send.acknowledged !== undefined && (send.senderId === userId || send.receiverId === userId)
        ? [send.acknowledged.id]
        : []
    )
    const held = new Set(history.map(({ id }) => id))
    const missing = expected.filter((id) => !held.has(id))
    if (missing.length > 0) findings.push(`user ${userId}: ${missing.length} messages are not in the history`)
    if (held.size !== history.length || history.some(({ id }, n) => n > 0 && id >= history[n - 1]!.id)) {
      findings.push(`user ${userId}: the history is not newest first, each message once`)
    }

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
