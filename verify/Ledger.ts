import type { InboxEvent } from "./Frame.ts"

/** One message that a client wanted to send, under one client id, however often it had to try. Times are milliseconds of one monotonic clock. */
export interface Send {
  readonly clientId: string
  readonly senderId: number
  readonly receiverId: number
  readonly content: string
  /** When each attempt began. */
  readonly attempts: Array<number>
  acknowledged?: { readonly id: number; readonly at: number }
  /** Why the server will never take it. */
  refused?: string
}

export interface Received {
  readonly event: InboxEvent
  readonly at: number
}

/** What one device saw of one user's inbox: everything in order of arrival, after the number it began from. */
export interface Inbox {
  readonly userId: number
  readonly after: number
  readonly received: ReadonlyArray<Received>
}

export interface Tally {
  readonly sent: number
  readonly acknowledged: number
  readonly refused: number
  readonly received: number
  /** Acknowledged messages that their receiver, or their sender as `message_sent`, did not get; and numbers missing from an inbox. */
  readonly lost: number
  /** Numbers delivered twice, messages delivered under two numbers, and client ids stored as two messages. */
  readonly repeated: number
  /** Numbers that came after a higher one, and ids that do not ascend with the numbers. */
  readonly reordered: number
  /** Messages that arrived with other content than was sent. */
  readonly altered: number
  /** The first of the findings above, in words. */
  readonly findings: ReadonlyArray<string>
}

const MAX_FINDINGS = 20

type Found = (kind: "lost" | "repeated" | "reordered" | "altered", what: string) => void

export const isClean = (tally: Tally): boolean =>
  tally.lost === 0 && tally.repeated === 0 && tally.reordered === 0 && tally.altered === 0

/** Compares what was sent with what arrived. Sends without an acknowledgement may have arrived or not: neither counts as a loss. */
export const tally = (sends: Iterable<Send>, inboxes: ReadonlyArray<Inbox>): Tally => {
  const counts = {
    sent: 0,
    acknowledged: 0,
    refused: 0,
    received: 0,
    lost: 0,
    repeated: 0,
    reordered: 0,
    altered: 0
  }
  const findings: Array<string> = []
  const found: Found = (kind, what) => {
    counts[kind] += 1
    if (findings.length < MAX_FINDINGS) findings.push(`${kind}: ${what}`)
  }

  const expected = new Map<number, Set<string>>()
  const byMessage = new Map<number, Send>()
  const expect = (userId: number, key: string) => {
    expected.set(userId, (expected.get(userId) ?? new Set()).add(key))
  }
  for (const send of sends) {
    counts.sent += 1
    if (send.refused !== undefined) counts.refused += 1
    if (send.acknowledged === undefined) continue
    counts.acknowledged += 1
    const other = byMessage.get(send.acknowledged.id)
    if (other !== undefined) {
      found(
        "lost",
        `message ${send.acknowledged.id} was acknowledged for both ${other.clientId} and ${send.clientId}`
      )
    }
    byMessage.set(send.acknowledged.id, send)
    expect(send.receiverId, `message ${send.acknowledged.id}`)
    expect(send.senderId, `message_sent ${send.acknowledged.id}`)
  }

  for (const inbox of inboxes) {
    counts.received += inbox.received.length
    checkNumbers(inbox, found)
    checkMessages(inbox, byMessage, found)
    const here = new Set(inbox.received.map(({ event }) => `${event.type} ${event.id}`))
    for (const key of expected.get(inbox.userId) ?? []) {
      if (!here.has(key)) found("lost", `user ${inbox.userId} did not get ${key}`)
    }
  }
  return { ...counts, findings }
}

const checkNumbers = (inbox: Inbox, found: Found): void => {
  const seen = new Set<number>()
  let highest = inbox.after
  for (const { event } of inbox.received) {
    if (seen.has(event.seq) || event.seq <= inbox.after) {
      found("repeated", `user ${inbox.userId} got ${event.seq} again`)
      continue
    }
    seen.add(event.seq)
    if (event.seq < highest) found("reordered", `user ${inbox.userId} got ${event.seq} after ${highest}`)
    highest = Math.max(highest, event.seq)
  }
  for (let seq = inbox.after + 1; seq < highest; seq += 1) {
    if (!seen.has(seq)) found("lost", `user ${inbox.userId} has no event ${seq}`)
  }
}

const checkMessages = (inbox: Inbox, byMessage: ReadonlyMap<number, Send>, found: Found): void => {
  const inOrder = [...inbox.received].sort((a, b) => a.event.seq - b.event.seq)
  const seqOfMessage = new Map<string, number>()
  const idOfClientId = new Map<string, number>()
  let lastId = 0
  for (const { event } of inOrder) {
    if (event.id === undefined) continue
    const key = `${event.type} ${event.id}`
    const earlier = seqOfMessage.get(key)
    if (earlier === event.seq) continue
    if (earlier !== undefined) {
      found("repeated", `user ${inbox.userId} got ${key} as ${earlier} and ${event.seq}`)
    } else if (event.id <= lastId) {
      found("reordered", `user ${inbox.userId} got id ${event.id} (${event.seq}) after id ${lastId}`)
    }
    seqOfMessage.set(key, event.seq)
    lastId = Math.max(lastId, event.id)

    const send = byMessage.get(event.id)
    if (send !== undefined && event.content !== send.content) {
      found("altered", `user ${inbox.userId} got other content in message ${event.id}`)
    }
    if (event.type === "message_sent" && typeof event.client_id === "string") {
      const known = idOfClientId.get(event.client_id)
      if (known !== undefined && known !== event.id) {
        found("repeated", `${event.client_id} was stored as ${known} and ${event.id}`)
      }
      idOfClientId.set(event.client_id, event.id)
    }
  }
}
