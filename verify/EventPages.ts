import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import type { InboxEvent } from "./Frame.ts"
import type { InboxState } from "./InboxState.ts"
import { inWords, type Refused, type Unanswered } from "./Outgoing.ts"
import * as Progress from "./Progress.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

const HOLD_A_MESSAGE = new Set(["message", "message_sent", "message_updated"])

/** An event without the fields that a replay gives as they are now. */
const describe = ({ content, deleted_at, version, ...event }: InboxEvent): string =>
  JSON.stringify(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Whether two events are the same. A page holds a message as the socket sent it, or as it is now. */
const agree = (fromSocket: InboxEvent, fromRest: InboxEvent | undefined, state: InboxState): boolean => {
  if (fromRest === undefined || describe(fromSocket) !== describe(fromRest)) return false
  if (!HOLD_A_MESSAGE.has(fromRest.type) || fromRest.content === fromSocket.content) return true
  return fromRest.content === state.messages.get(fromRest.id ?? 0)?.content
}

/** Reads each inbox by REST, page by page, and compares it with what came over the socket. `states` are those of the clients. */
export const compare = Effect.fn("EventPages.compare")(function* (
  urls: ReadonlyArray<string>,
  clients: ReadonlyArray<ChatClient>,
  states: ReadonlyArray<InboxState>
) {
  const rest = yield* Rest
  const findings: Array<string> = []

  const compareOne = Effect.fnUntraced(function* (client: ChatClient, index: number) {
    const { after, received } = client.inbox()
    const fromSocket = received.map(({ event }) => event).sort((a, b) => a.seq - b.seq)
    const fromRest: Array<InboxEvent> = []
    const limit = 1 + ((index * 37) % 200)
    let since = after
    for (let page = 0; ; page += 1) {
      const from = since
      const { cursor, events, recovered } = yield* onAnyNode(urls, page, (url) =>
        rest.events(url, client.userId, { since: from, limit })
      )
      if (!recovered) findings.push(`user ${client.userId}: events after ${since} are no longer kept`)
      fromRest.push(...events)
      if (events.length === 0 || cursor <= since) break
      since = cursor
    }
    const at = fromSocket.findIndex((event, n) => !agree(event, fromRest[n], states[index]!))
    if (at !== -1 || fromRest.length !== fromSocket.length) {
      const which = at === -1 ? fromSocket.length : at
      findings.push(
        `user ${client.userId}: event ${which} of ${fromSocket.length} by socket and ${fromRest.length} by REST differs`
      )
    }
  })
  const failed = (client: ChatClient) => (error: Refused | Unanswered) =>
    Effect.sync(() => findings.push(`user ${client.userId}: events by REST: ${inWords(error)}`))
  yield* Progress.forEach(
    "Reading inboxes",
    clients,
    (client, index) => compareOne(client, index).pipe(Effect.catch(failed(client))),
    8
  )
  return findings
})
