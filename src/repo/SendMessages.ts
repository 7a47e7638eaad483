import { Duration, Effect, Result } from "effect"
import type { Database } from "../database/Database.ts"
import { int4Array, optionalInt8Array, optionalTextArray, textArray } from "../database/SqlParameters.ts"
import { Suspended } from "../domain/Caller.ts"
import {
  Blocked,
  ClientIdConflict,
  type Draft,
  type Quote,
  QuoteNotFound,
  ReceiverNotFound,
  SenderNotFound
} from "../domain/Message.ts"
import type { Appended, Outcome } from "../domain/Send.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { concerns, LockedInboxes, usersOf } from "./LockedInboxes.ts"
import { newRow, type Repeats, withRepeats } from "./Repeats.ts"
import { toMessage } from "./Rows.ts"
import { columnId } from "./UserParameters.ts"

/** How often a draft with a locked inbox is tried, after its batch failed by LOCK_TIMEOUT. */
const TRIES = 5

/** The pause between two tries: longer than another batch holds its locks. */
const RETRY_INTERVAL = Duration.millis(50)

/** The outcome of each draft of a call. Each draft is an object of its own. */
type Outcomes = ReadonlyMap<Draft, Outcome>

const NONE: Outcomes = new Map()

/** Sends through `send_messages` (`migrations/functions`). It waits two seconds for a lock. */
export const sendMessages = ({ sends: sql, orUnavailable }: Database["Service"]) => {
  const lockedInboxes = new LockedInboxes()

  /** One call of the function. It waits for locks. */
  const sendBatch = (drafts: ReadonlyArray<Draft>) =>
    drafts.length === 0
      ? Effect.succeed(NONE)
      : sql<SendRow>`SELECT * FROM send_direct_messages(
          ${int4Array(drafts.map((draft) => columnId(draft.sender_id)))},
          ${int4Array(drafts.map((draft) => columnId(draft.receiver_id)))},
          ${textArray(drafts.map((draft) => draft.content))},
          ${optionalTextArray(drafts.map((draft) => draft.client_id ?? null))},
          ${optionalInt8Array(drafts.map((draft) => draft.reply_to_id ?? null))},
          ${optionalTextArray(drafts.map((draft) => (draft.metadata == null ? null : JSON.stringify(draft.metadata))))}
        )`.pipe(
          Effect.flatMap((rows) => withRepeats(sql, rows)),
          Effect.map(
            ({ rows, repeats }): Outcomes =>
              new Map(rows.map((row, i) => [drafts[i]!, toOutcome(row, drafts[i]!, repeats)]))
          )
        )

  /** Locks the inboxes that are free, and answers the users of the others. */
  const lockFree = (users: ReadonlyArray<UserId>) => {
    const userIds = int4Array(users.map(columnId))
    return sql<{ readonly userId: UserId }>`
      WITH own AS (SELECT user_id FROM inboxes WHERE user_id = ANY (${userIds}) FOR UPDATE SKIP LOCKED)
      SELECT user_id AS "userId" FROM inboxes
      WHERE user_id = ANY (${userIds}) AND user_id NOT IN (SELECT user_id FROM own)`.pipe(
      Effect.map((rows) => new Set(rows.map(({ userId }) => userId)))
    )
  }

  /** Sends the drafts whose inboxes are free, without waiting. Answers their outcomes and the users whose inboxes are locked. */
  const sendFree = (drafts: ReadonlyArray<Draft>) =>
    Effect.gen(function* () {
      const users = drafts.flatMap(usersOf)
      const locked = yield* lockFree(users)
      for (const userId of users) if (!locked.has(userId)) lockedInboxes.delete(userId)
      const isLocked = concerns(locked)
      return { locked, outcomes: yield* sendBatch(drafts.filter((draft) => !isLocked(draft))) }
    }).pipe(
      sql.withTransaction,
      orUnavailable,
      Effect.catch((error) =>
        Effect.succeed({ locked: new Set<UserId>(), outcomes: refuseAll(drafts, error) })
      )
    )

  // Another batch may hold the lock of an inbox only for a moment: a draft with a locked inbox is tried again.
  const sendAroundLocks = Effect.fnUntraced(function* (drafts: ReadonlyArray<Draft>, cause: unknown) {
    const outcomes = new Map(refuseAll(drafts, new Unavailable({ dependency: "database", cause })))
    let waiting = drafts
    for (let tries = 1; waiting.length > 0; tries++) {
      const tried = yield* sendFree(waiting)
      for (const [draft, outcome] of tried.outcomes) outcomes.set(draft, outcome)
      waiting = waiting.filter((draft) => !tried.outcomes.has(draft))
      if (tries === TRIES) {
        lockedInboxes.add(tried.locked)
        break
      }
      if (waiting.length > 0) yield* Effect.sleep(RETRY_INTERVAL)
    }
    return outcomes as Outcomes
  })

  // Each try has a time limit of its own, so that a slow try does not undo the outcomes of those before it.
  const sendWaiting = (drafts: ReadonlyArray<Draft>): Effect.Effect<Outcomes> =>
    sendBatch(drafts).pipe(
      Effect.map(Effect.succeed),
      Effect.catchReason("SqlError", "LockTimeoutError", (_, error) =>
        Effect.succeed(sendAroundLocks(drafts, error))
      ),
      orUnavailable,
      Effect.flatten,
      Effect.catch((error) => Effect.succeed(refuseAll(drafts, error)))
    )

  return Effect.fnUntraced(function* (
    drafts: ReadonlyArray<Draft>
  ): Effect.fn.Return<ReadonlyArray<Outcome>> {
    // Copies: a caller may give the same object twice.
    const own = drafts.map((draft) => ({ ...draft }))
    const { locked, free } = lockedInboxes.partition(own)
    const outcomes = yield* sendWaiting(free)
    const others = locked.length === 0 ? NONE : yield* sendAroundLocks(locked, "the inbox is locked")
    return own.map((draft) => (outcomes.get(draft) ?? others.get(draft))!)
  })
}

const refuseAll = (drafts: ReadonlyArray<Draft>, error: Unavailable): Outcomes =>
  new Map(drafts.map((draft) => [draft, Result.fail(error)]))

interface SendRow {
  readonly status:
    | "sent"
    | "repeat"
    | "conflict"
    | "sender_not_found"
    | "receiver_not_found"
    | "quote_not_found"
    | "blocked"
    | "suspended"
  readonly id: number
  readonly sender_username: string
  readonly timestamp: Date
  readonly sender_seq: number | null
  readonly receiver_seq: number | null
  readonly conversation_id: number
  readonly quote: Quote | null
}

const toOutcome = (row: SendRow, draft: Draft, repeats: Repeats): Outcome => {
  switch (row.status) {
    case "sender_not_found":
      return Result.fail(new SenderNotFound())
    case "receiver_not_found":
      return Result.fail(new ReceiverNotFound())
    case "conflict":
      return Result.fail(new ClientIdConflict())
    case "blocked":
      return Result.fail(new Blocked())
    case "suspended":
      return Result.fail(new Suspended())
    case "quote_not_found":
      return Result.fail(new QuoteNotFound())
    default:
      return Result.succeed({
        message: repeats.get(row.id)?.message ?? toMessage(newRow(draft, row)),
        isRepeat: row.status === "repeat",
        appended: [
          ...eventAt(draft.receiver_id, "message", row.receiver_seq),
          ...eventAt(draft.sender_id, "message_sent", row.sender_seq)
        ]
      })
  }
}

const eventAt = (userId: UserId, type: Appended["type"], seq: number | null): ReadonlyArray<Appended> =>
  seq === null ? [] : [{ userId, type, seq }]
