import { type Change, EventKey } from "./EventKey.ts"
import type { Found, Inbox } from "./Inbox.ts"
import { fold } from "./InboxState.ts"
import { type Outgoing, readersOf } from "./Outgoing.ts"

/** One message that a client wanted to send, under one client id, however often it had to try. Times are milliseconds of one monotonic clock. */
export interface Send extends Outgoing {
  /** When each attempt began. */
  readonly attempts: Array<number>
  acknowledged?: { readonly id: number; readonly at: number }
  /** Why the server will never take it. */
  refused?: string
}

export interface Tally {
  readonly sent: number
  readonly acknowledged: number
  readonly refused: number
  /** Acknowledged edits, deletions, reactions, read marks and memberships. */
  readonly changes: number
  readonly received: number
  /**
   * Acknowledged messages that a receiver, or their sender as `message_sent`, did not get; acknowledged changes whose event a reader did
   * not get; and numbers missing from an inbox.
   */
  readonly lost: number
  /** Numbers delivered twice, messages or changes delivered under two numbers, and client ids stored as two messages. */
  readonly repeated: number
  /** Numbers that came after a higher one, ids that do not ascend with the numbers, and changes that came before their message. */
  readonly reordered: number
  /** Messages that arrived with other content than was sent or written by an edit, and reactions with a wrong count. */
  readonly altered: number
  /** The first of the findings above, in words. */
  readonly findings: ReadonlyArray<string>
}

const MAX_FINDINGS = 20

export const isClean = (tally: Tally): boolean =>
  tally.lost === 0 && tally.repeated === 0 && tally.reordered === 0 && tally.altered === 0

/**
 * Compares what was sent and changed with what arrived. What has no acknowledgement may have arrived or not: neither counts as a loss.
 */
export const tally = (
  sends: Iterable<Send>,
  inboxes: ReadonlyArray<Inbox>,
  changes: Iterable<Change> = []
): Tally => {
  const counts = {
    sent: 0,
    acknowledged: 0,
    refused: 0,
    changes: 0,
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
  const written: Written = new Map()
  const write = (id: number, version: number, content: string) => {
    written.set(id, (written.get(id) ?? new Map()).set(version, content))
  }
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
    const { id } = send.acknowledged
    byMessage.set(id, send)
    write(id, 1, send.content)
    for (const reader of readersOf(send)) {
      expect(reader, reader === send.senderId ? EventKey.messageSent(id) : EventKey.message(id))
    }
  }
  for (const { acknowledged, readers, written: edit } of changes) {
    if (acknowledged === undefined) continue
    counts.changes += 1
    for (const reader of readers) expect(reader, acknowledged)
    if (edit !== undefined) write(edit.messageId, edit.version, edit.content)
  }

  for (const inbox of inboxes) {
    counts.received += inbox.received.length
    checkNumbers(inbox, found)
    checkMessages(inbox, found)
    checkContents(inbox, written, found)
    const { keys } = fold(inbox, found)
    for (const key of expected.get(inbox.userId) ?? []) {
      if (!keys.has(key)) found("lost", `user ${inbox.userId} did not get ${key}`)
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

/** The contents that each message was given, by the version that they made. */
type Written = Map<number, Map<number, string>>

/** Compares the content of each message with what made the version that came: a replay holds messages as they are now. */
const checkContents = (inbox: Inbox, written: Written, found: Found): void => {
  for (const { event } of inbox.received) {
    if (event.id === undefined || !TELL_A_MESSAGE.has(event.type)) continue
    const content =
      event.deleted_at === undefined ? written.get(event.id)?.get(event.version ?? 1) : NO_CONTENT
    if (content !== undefined && event.content !== content) {
      found("altered", `user ${inbox.userId} got other content in message ${event.id}`)
    }
  }
}

const TELL_A_MESSAGE = new Set(["message", "message_sent", "message_updated"])
const NO_CONTENT = ""

const checkMessages = (inbox: Inbox, found: Found): void => {
  const inOrder = [...inbox.received].sort((a, b) => a.event.seq - b.event.seq)
  const seqOfMessage = new Map<string, number>()
  const idOfClientId = new Map<string, number>()
  let lastId = 0
  for (const { event } of inOrder) {
    // The event of an edit holds its message again, under the same id.
    if (event.id === undefined || event.type === "message_updated") continue
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

    if (event.type === "message_sent" && typeof event.client_id === "string") {
      const known = idOfClientId.get(event.client_id)
      if (known !== undefined && known !== event.id) {
        found("repeated", `${event.client_id} was stored as ${known} and ${event.id}`)
      }
      idOfClientId.set(event.client_id, event.id)
    }
  }
}
