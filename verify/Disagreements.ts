import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import * as ConversationList from "./ConversationList.ts"
import * as EventPages from "./EventPages.ts"
import * as History from "./History.ts"
import { fold } from "./InboxState.ts"
import type { Send } from "./Ledger.ts"
import type { Group } from "./Outgoing.ts"

/** What the histories, pages, lists and sockets of the clients got wrong, in words, once all have what was sent. */
export const disagreements = Effect.fn("Disagreements.disagreements")(function* (
  urls: ReadonlyArray<string>,
  clients: ReadonlyArray<ChatClient>,
  sends: ReadonlyArray<Send>,
  groups: ReadonlyArray<Group>
) {
  const unread = clients.flatMap((client) => client.unreadable.map((frame) => `unreadable frame ${frame}`))
  const unrecovered = clients.flatMap((client) =>
    client.visits.some((visit) => visit.unrecovered) ? [`user ${client.userId} could not be resumed`] : []
  )
  const states = clients.map((client) => fold(client.inbox(), () => {}))
  return [
    ...unread,
    ...unrecovered,
    ...(yield* EventPages.compare(urls, clients, states)),
    ...(yield* History.compare(urls, clients, sends, states, groups)),
    ...(groups.length === 0 ? [] : yield* ConversationList.compare(urls, clients, states))
  ]
})
