import type { AppendedFact, EventFact, Place } from "../domain/Event.ts"
import type { EventPayload, PayloadKind } from "../domain/EventPayloads.ts"
import type { UserId } from "../domain/User.ts"
import type { MemoryMessage, Tables } from "./MemoryTables.ts"
import { messageAsNow, readersOf } from "./MemoryViews.ts"

/** Appends an event to the inbox of a user that exists, and answers its number. */
export const appendTo = (
  { inboxes, counters }: Tables,
  userId: UserId,
  type: string,
  message: MemoryMessage | undefined,
  payload: unknown,
  now: string
): number => {
  const inbox = inboxes.get(userId)!
  inbox.events.push({
    seq: ++inbox.lastSeq,
    type,
    messageId: message?.id,
    payload,
    createdAt: Date.parse(now),
    revision: counters.revision
  })
  return inbox.lastSeq
}

/** Appends an event with a payload to inboxes; no fact when there are none. */
export const appendPayload = <Kind extends PayloadKind>(
  tables: Tables,
  userIds: Iterable<UserId>,
  type: Kind,
  payload: EventPayload<Kind>,
  now: string
): ReadonlyArray<AppendedFact> =>
  factOf(
    { type, committedAt: Date.parse(now), message: undefined, clientId: undefined, payload },
    withInbox(tables, userIds).map((userId) => ({
      userId,
      seq: appendTo(tables, userId, type, undefined, payload, now)
    }))
  )

/** Appends an event about a message to the inboxes of the members who may read it. */
export const appendAbout = (
  tables: Tables,
  message: MemoryMessage,
  type: string,
  now: string
): ReadonlyArray<AppendedFact> =>
  factOf(
    {
      type,
      committedAt: Date.parse(now),
      message: messageAsNow(tables, message),
      clientId: message.clientId,
      payload: undefined
    },
    withInbox(tables, readersOf(tables, message)).map((userId) => ({
      userId,
      seq: appendTo(tables, userId, type, message, undefined, now)
    }))
  )

/** The users who have an inbox: an erased user has none. */
const withInbox = ({ inboxes }: Tables, userIds: Iterable<UserId>) =>
  [...userIds].filter((userId) => inboxes.has(userId))

const factOf = (fact: EventFact, places: ReadonlyArray<Place>): ReadonlyArray<AppendedFact> =>
  places.length === 0 ? [] : [{ fact, places }]
