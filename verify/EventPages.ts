import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import * as Courier from "./Courier.ts"
import type { InboxEvent } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import { inWords, type Refused, type Unanswered } from "./Outgoing.ts"
import { Rest } from "./Rest.ts"

const describe = (event: InboxEvent): string => `${event.seq} ${event.type} ${event.id} ${event.content}`

/** Reads each inbox by REST, page by page, and compares it with what came over the socket. */
export const compare = Effect.fn("EventPages.compare")(function* (
  urls: ReadonlyArray<string>,
  clients: ReadonlyArray<ChatClient>
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
      const { cursor, events, recovered } = yield* rest.events(urls[page % urls.length]!, client.userId, {
        since,
        limit
      })
      if (!recovered) findings.push(`user ${client.userId}: events after ${since} are no longer kept`)
      fromRest.push(...events)
      if (events.length === 0 || cursor <= since) break
      since = cursor
    }
    const at = fromSocket.findIndex(
      (event, n) => fromRest[n] === undefined || describe(event) !== describe(fromRest[n])
    )
    if (at !== -1 || fromRest.length !== fromSocket.length) {
      const which = at === -1 ? fromSocket.length : at
      findings.push(
        `user ${client.userId}: event ${which} of ${fromSocket.length} by socket and ${fromRest.length} by REST differs`
      )
    }
  })
  const failed = (client: ChatClient) => (error: Refused | Unanswered) =>
    Effect.sync(() => findings.push(`user ${client.userId}: events by REST: ${inWords(error)}`))
  yield* Effect.forEach(
    clients,
    (client, index) => compareOne(client, index).pipe(Effect.catch(failed(client))),
    { concurrency: 8, discard: true }
  )
  return findings
})

const WAIT_SECONDS = 5

/** A long poll at the head of an inbox answers with the next event when it comes. */
export const longPoll = Effect.fn("EventPages.longPoll")(function* (options: {
  readonly urls: ReadonlyArray<string>
  readonly from: ChatClient
  readonly to: ChatClient
  readonly clientId: string
}) {
  const { from, to, urls } = options
  const rest = yield* Rest
  const deliver = yield* Courier.make({ urls })
  const send: Send = {
    clientId: options.clientId,
    senderId: from.userId,
    receiverId: to.userId,
    content: options.clientId,
    attempts: []
  }
  const polled = rest.events(urls[0]!, to.userId, { since: to.cursor(), limit: 10, wait: WAIT_SECONDS }).pipe(
    Effect.map(({ events }) =>
      events.some(({ content }) => content === send.content)
        ? []
        : ["a long poll ended without what came meanwhile"]
    ),
    Effect.catch((error) => Effect.succeed([`a long poll: ${inWords(error)}`]))
  )
  const sent = deliver(send, { via: "rest", firstUrl: urls.length - 1 }).pipe(
    Effect.delay("300 millis"),
    Effect.ignore
  )
  const [findings] = yield* Effect.all([polled, sent], { concurrency: "unbounded" })
  return { send, findings }
})
