import { Effect } from "effect"
import * as Courier from "./Courier.ts"
import type { InboxEvent, Message } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import { type Group, inWords, type Refused, type Unanswered } from "./Outgoing.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

/** How long one poll waits. Longer than the 10 s between two sweeps, which find what Redis lost. */
const WAIT_SECONDS = 12

/** How often a poll may be late before that is a finding: a restart of a node, of Redis or of PostgreSQL makes one late. */
const TRIES = 3

/** How long after the poll something happens, so that the poll waits for it. */
const MADE_AFTER = "300 millis"

interface Polled {
  readonly urls: ReadonlyArray<string>
  readonly receiverId: number
  /** The receiver's cursor, with nothing after it. */
  readonly since: number
}

export interface Options extends Polled {
  readonly senderId: number
  /** Sends to this group, of which the receiver is a member, instead of to the receiver alone. */
  readonly group?: Group
  /** Begins each client id. */
  readonly name: string
}

/** Something that happens while a poll waits for it. */
interface Happening {
  /** Makes it happen; tried until it is answered. */
  readonly make: Effect.Effect<unknown, Refused | Unanswered>
  /** Whether an event is the one of it. */
  readonly isEventOf: (event: InboxEvent) => boolean
}

/**
 * Lets something happen while a poll waits at the head of an inbox, and answers what is wrong with the answers of the poll. A poll that a draining
 * node cuts or answers early is repeated.
 */
const whilePolling = Effect.fnUntraced(function* (
  what: string,
  { receiverId, since: head, urls }: Polled,
  happeningOf: (attempt: number) => Happening
) {
  const rest = yield* Rest
  let since = head

  /** Polls until its event comes. */
  const poll = Effect.fnUntraced(function* (
    { isEventOf }: Happening,
    state: { readonly acknowledgedAt?: number; readonly hasFailed?: boolean }
  ) {
    let late = false
    for (let turn = 0; ; turn += 1) {
      const begun = performance.now()
      const from = since
      const page = yield* onAnyNode(urls, turn, (url) =>
        rest.events(url, receiverId, { since: from, limit: 10, wait: WAIT_SECONDS })
      )
      since = page.cursor
      if (page.events.some(isEventOf)) return late ? "late" : "answered"
      if (!page.recovered) return "says that the events after its cursor are no longer kept"
      if (state.hasFailed) return "not made"
      if (page.events.length > 0 || state.acknowledgedAt === undefined) continue
      if (state.acknowledgedAt < begun) return `does not show ${what} that was acknowledged before it`
      late = true
    }
  })

  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const happening = happeningOf(attempt)
    const state: { acknowledgedAt?: number; hasFailed?: boolean } = {}
    const making = happening.make.pipe(
      Effect.delay(MADE_AFTER),
      Effect.match({
        onSuccess: () => {
          state.acknowledgedAt = performance.now()
        },
        onFailure: () => {
          state.hasFailed = true
        }
      })
    )
    const polling = poll(happening, state).pipe(Effect.catch((error) => Effect.succeed(inWords(error))))
    const [outcome] = yield* Effect.all([polling, making], { concurrency: "unbounded" })
    if (outcome === "answered" || outcome === "not made") return []
    if (outcome !== "late") return [`a long poll: ${outcome}`]
  }
  return [`a long poll ended without ${what} that came meanwhile, ${TRIES} times of ${TRIES}`]
})

/**
 * Checks that a long poll at the head of an inbox is answered with the next message when it comes. The sends that it answers with are
 * for the ledger.
 */
export const check = Effect.fn("LongPoll.check")(function* (options: Options) {
  const { group, name, receiverId, senderId, urls } = options
  const deliver = yield* Courier.make({ urls })
  const sends: Array<Send> = []
  const findings = yield* whilePolling("a message", options, (attempt) => {
    const clientId = `${name}-${attempt}`
    const address = group === undefined ? { receiverId } : { group }
    const send: Send = { clientId, senderId, ...address, content: clientId, attempts: [] }
    sends.push(send)
    return {
      make: deliver(send, { via: "rest", firstUrl: urls.length - 1 }),
      isEventOf: ({ content }) => content === send.content
    }
  })
  return { sends, findings }
})

/** The same for what is no message: an edit, a reaction, a read mark and a membership. The sends that it answers with are for the ledger. */
export const checkChanges = Effect.fn("LongPoll.checkChanges")(function* (
  options: Options & { readonly group: Group }
) {
  const { name, receiverId, senderId, urls } = options
  const { conversationId } = options.group
  const rest = yield* Rest
  const deliver = yield* Courier.make({ urls })
  const sends: Array<Send> = []
  const onNodes = <A>(ask: (url: string) => Effect.Effect<A, Refused | Unanswered>) =>
    onAnyNode(urls, urls.length - 1, ask)

  /** Each is about a message of its own, which is sent while the poll waits, too. */
  const about = (
    what: string,
    change: (message: Message, clientId: string) => Effect.Effect<unknown, Refused | Unanswered>,
    isEventOf: (event: InboxEvent, id: number | undefined, clientId: string) => boolean
  ) =>
    whilePolling(what, options, (attempt) => {
      const clientId = `${name}-${what.replaceAll(" ", "-")}-${attempt}`
      const send: Send = { clientId, senderId, group: options.group, content: clientId, attempts: [] }
      sends.push(send)
      return {
        make: Effect.flatMap(deliver(send, { via: "rest", firstUrl: 0 }), (message) =>
          change(message, clientId)
        ),
        isEventOf: (event) => isEventOf(event, send.acknowledged?.id, clientId)
      }
    })

  const findings = [
    yield* about(
      "an edit",
      ({ id, version = 1 }, clientId) =>
        onNodes((url) => rest.edit(url, id, { user_id: senderId, content: `${clientId} edited`, version })),
      (event, _, clientId) => event.type === "message_updated" && event.content === `${clientId} edited`
    ),
    yield* about(
      "a reaction",
      ({ id }) => onNodes((url) => rest.react(url, id, { userId: senderId, emoji: "👍", added: true })),
      (event, id) => event.type === "reaction" && event.message_id === id
    ),
    yield* about(
      "a read mark",
      ({ id }) =>
        onNodes((url) => rest.markRead(url, conversationId, { user_id: receiverId, message_id: id })),
      (event, id) => event.type === "read" && event.user_id === receiverId && event.message_id === id
    ),
    yield* whilePolling("a membership", options, (attempt) => {
      const wanted = {
        makerId: senderId,
        memberIds: [senderId, receiverId],
        title: name,
        clientId: `${name}-${attempt}`
      }
      return {
        make: onNodes((url) => rest.createGroup(url, wanted)),
        isEventOf: ({ type }) => type === "conversation_added"
      }
    })
  ]
  return { sends, findings: findings.flat() }
})
