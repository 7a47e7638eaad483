import { Effect } from "effect"
import * as Courier from "./Courier.ts"
import type { Send } from "./Ledger.ts"
import { type Group, inWords } from "./Outgoing.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

/** How long one poll waits. Longer than the 10 s between two sweeps, which find what Redis lost. */
const WAIT_SECONDS = 12

/** How often a poll may be late before that is a finding: a restart of a node, of Redis or of PostgreSQL makes one late. */
const TRIES = 3

/** How long after the poll the message is sent, so that the poll waits for it. */
const SENT_AFTER = "300 millis"

export interface Options {
  readonly urls: ReadonlyArray<string>
  readonly senderId: number
  readonly receiverId: number
  /** Sends to this group, of which the receiver is a member, instead of to the receiver alone. */
  readonly group?: Group
  /** The receiver's cursor, with nothing after it. */
  readonly since: number
  /** Begins each client id. */
  readonly name: string
}

/**
 * Checks that a long poll at the head of an inbox is answered with the next event when it comes. A poll that a draining node cuts or
 * answers early is repeated. The sends that it answers with are for the ledger.
 */
export const check = Effect.fn("LongPoll.check")(function* (options: Options) {
  const { urls } = options
  const rest = yield* Rest
  const deliver = yield* Courier.make({ urls })
  let since = options.since

  /** Polls until the message is there. */
  const poll = Effect.fnUntraced(function* (send: Send, hasFailed: () => boolean) {
    let late = false
    for (let turn = 0; ; turn += 1) {
      const begun = performance.now()
      const from = since
      const page = yield* onAnyNode(urls, turn, (url) =>
        rest.events(url, options.receiverId, { since: from, limit: 10, wait: WAIT_SECONDS })
      )
      since = page.cursor
      if (page.events.some(({ content }) => content === send.content)) return late ? "late" : "answered"
      if (!page.recovered) return "says that the events after its cursor are no longer kept"
      if (hasFailed()) return "not sent"
      if (page.events.length > 0 || send.acknowledged === undefined) continue
      if (send.acknowledged.at < begun) return "does not show a message that was acknowledged before it"
      late = true
    }
  })

  const sends: Array<Send> = []
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const clientId = `${options.name}-${attempt}`
    const { group, receiverId, senderId } = options
    const address = group === undefined ? { receiverId } : { group }
    const send: Send = { clientId, senderId, ...address, content: clientId, attempts: [] }
    sends.push(send)
    let failed = false
    const sending = deliver(send, { via: "rest", firstUrl: urls.length - 1 }).pipe(
      Effect.delay(SENT_AFTER),
      Effect.catch(() => Effect.sync(() => (failed = true)))
    )
    const polling = poll(send, () => failed).pipe(Effect.catch((error) => Effect.succeed(inWords(error))))
    const [outcome] = yield* Effect.all([polling, sending], { concurrency: "unbounded" })
    if (outcome === "answered" || outcome === "not sent") return { sends, findings: [] }
    if (outcome !== "late") return { sends, findings: [`a long poll: ${outcome}`] }
  }
  return { sends, findings: [`a long poll ended without what came meanwhile, ${TRIES} times of ${TRIES}`] }
})
