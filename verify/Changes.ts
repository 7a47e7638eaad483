import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import { type Change, EventKey } from "./EventKey.ts"
import type { Message } from "./Frame.ts"
import { inWords, type Outgoing, type Refused, readersOf, type Unanswered } from "./Outgoing.ts"
import type { PlannedChanges, PlannedReaction } from "./Plan.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

/** How often a read mark is sent over a socket before it is sent by REST: the socket may end before the server reads it. */
const SOCKET_TRIES = 2

/** So few read marks over sockets may all be lost with them. */
const FEW = 3

/** How long a socket may take to come back before a try without it. */
const CONNECTED_WITHIN = "10 seconds"

/** How long the user's own event of a read mark that was sent over a socket may take. */
const EVENT_WITHIN = "2 seconds"

interface Options {
  readonly urls: ReadonlyArray<string>
  /** By the indexes of the plan. */
  readonly clients: ReadonlyArray<ChatClient>
}

/** Changes messages after they were sent, and marks them as read. What became of each change is written into `made`. */
export const make = Effect.fnUntraced(function* ({ clients, urls }: Options) {
  const rest = yield* Rest
  const made: Array<Change> = []
  const overSockets = { tried: 0, confirmed: 0 }

  const begin = (what: string, readers: ReadonlyArray<number>): Change => {
    const change: Change = { what, readers }
    made.push(change)
    return change
  }

  /** Repeats a call until it is answered: each of them is safe to repeat. */
  const attempt = <A>(
    change: Change,
    node: number,
    ask: (url: string) => Effect.Effect<A, Refused | Unanswered>
  ) =>
    onAnyNode(urls, node, ask).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          change.failed = inWords(error)
        })
      )
    )

  const edit = Effect.fnUntraced(function* (
    send: Outgoing,
    id: number,
    version: number,
    content: string,
    node: number
  ) {
    const change = begin(`the edit of message ${id}`, readersOf(send))
    const known = { user_id: send.senderId, content, version }
    const edited = yield* attempt(change, node, (url) => rest.edit(url, id, known))
    const reached = edited.version ?? version
    change.acknowledged = EventKey.edit(id, reached)
    change.written = { messageId: id, version: reached, content }
    return reached
  })

  const editAll = Effect.fnUntraced(function* (
    send: Outgoing,
    { id, version = 1 }: Message,
    planned: PlannedChanges
  ) {
    let known = version
    for (const [n, text] of planned.edits.entries()) {
      known = yield* edit(send, id, known, `${send.clientId} edit ${n + 1} ${text}`, planned.node + n)
    }
  })

  const react = Effect.fnUntraced(function* (
    send: Outgoing,
    id: number,
    node: number,
    { emoji, takenBack, user }: PlannedReaction
  ) {
    const { userId } = clients[user]!
    for (const added of takenBack ? [true, false] : [true]) {
      const key = EventKey.reaction(id, userId, emoji, added)
      const change = begin(`the ${key}`, readersOf(send))
      yield* attempt(change, node, (url) => rest.react(url, id, { userId, emoji, added }))
      change.acknowledged = key
    }
  })

  const remove = Effect.fnUntraced(function* (send: Outgoing, id: number, node: number) {
    const change = begin(`the deletion of message ${id}`, readersOf(send))
    yield* attempt(change, node, (url) => rest.remove(url, id, send.senderId))
    change.acknowledged = EventKey.deletion(id)
  })

  /** Marks as read over the socket, and answers the mark in the user's own events then; `undefined` when no event comes. */
  const readOverSocket = Effect.fnUntraced(function* (
    client: ChatClient,
    conversationId: number,
    id: number
  ) {
    const isMarked = Effect.sync(() => client.readUpTo(conversationId) >= id)
    overSockets.tried += 1
    for (let turn = 0; turn < SOCKET_TRIES; turn += 1) {
      yield* Effect.timeoutOption(client.live, CONNECTED_WITHIN)
      yield* client.markRead(conversationId, id)
      const marked = Effect.repeat(Effect.delay(isMarked, "50 millis"), { until: (done) => done })
      if ((yield* Effect.timeoutOption(marked, EVENT_WITHIN))._tag === "Some") {
        overSockets.confirmed += 1
        return client.readUpTo(conversationId)
      }
    }
    return undefined
  })

  const markRead = Effect.fnUntraced(function* (
    send: Outgoing,
    { conversation_id: conversationId, id }: Message,
    { node, read }: PlannedChanges
  ) {
    if (read === undefined || conversationId === undefined) return
    const client = clients[read.reader]!
    const readers = send.group === undefined ? readersOf(send) : [client.userId]
    const change = begin(`the read mark of user ${client.userId} at message ${id}`, readers)
    const byRest = attempt(change, node, (url) =>
      rest.markRead(url, conversationId, { user_id: client.userId, message_id: id })
    ).pipe(Effect.map(({ last_read_id }) => last_read_id))
    const confirmed = read.via === "socket" ? yield* readOverSocket(client, conversationId, id) : undefined
    const last = confirmed ?? (yield* byRest)
    // A later mark may have come first: then the event has the later one.
    change.acknowledged = EventKey.read(conversationId, client.userId, last)
  })

  const perform = Effect.fnUntraced(function* (planned: PlannedChanges, send: Outgoing, message: Message) {
    const together = [
      editAll(send, message, planned),
      ...planned.reactions.map((reaction) => react(send, message.id, planned.node, reaction)),
      markRead(send, message, planned)
    ]
    yield* Effect.all(
      together.map((each) => Effect.ignore(each)),
      { concurrency: "unbounded", discard: true }
    )
    if (planned.deleted) yield* Effect.ignore(remove(send, message.id, planned.node))
  })

  /** What is wrong with the sockets, in words: one that ends takes its read marks with it, but some must come through. */
  const findings = (): ReadonlyArray<string> =>
    overSockets.tried >= FEW && overSockets.confirmed === 0
      ? [`no event came for a read mark over a socket, ${overSockets.tried} times of ${overSockets.tried}`]
      : []

  return { made: made as ReadonlyArray<Change>, perform, findings }
})
