import { Duration, Effect, Result } from "effect"
import type { Database } from "../database/Database.ts"
import { int4Array, textArray } from "../database/SqlParameters.ts"
import { ClientIdConflict, type Draft, ReceiverNotFound, SenderNotFound } from "../domain/Message.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"
import type { Appended, Outcome } from "./MessageRepo.ts"
import { toMessage } from "./Rows.ts"

/** How often a draft whose inbox is locked is tried, once its batch has waited for the lock in vain. */
const TRIES = 5

/** How long it rests between two tries: longer than another batch holds its locks. */
const REST = Duration.millis(50)

/** Sends through `send_messages` (`migrations/functions`). It waits two seconds for a lock. */
export const sendMessages = ({ sends: sql, orUnavailable }: Database["Service"]) => {
  const sendTogether = (drafts: ReadonlyArray<Draft>) =>
    sql<SendRow>`SELECT * FROM send_messages(
      ${int4Array(drafts.map((draft) => columnId(draft.sender_id)))},
      ${int4Array(drafts.map((draft) => columnId(draft.receiver_id)))},
      ${textArray(drafts.map((draft) => draft.content))},
      ${textArray(drafts.map((draft) => draft.client_id ?? null))}
    )`.pipe(Effect.map((rows) => rows.map((row, i) => toOutcome(row, drafts[i]!))))

  /** Locks the inboxes that nobody else has locked; answers the users of the others. */
  const lockOthersThan = (users: ReadonlyArray<UserId>) => {
    const userIds = int4Array(users.map(columnId))
    return sql<{ readonly userId: UserId }>`
      WITH own AS (SELECT user_id FROM inboxes WHERE user_id = ANY (${userIds}) FOR UPDATE SKIP LOCKED)
      SELECT user_id AS "userId" FROM inboxes
      WHERE user_id = ANY (${userIds}) AND user_id NOT IN (SELECT user_id FROM own)`.pipe(
      Effect.map((rows) => new Set(rows.map(({ userId }) => userId)))
    )
  }

  // Users whose inboxes somebody has held locked for longer than a batch waits. Sends that concern them are tried
  // apart, and without waiting for the lock, until one goes through: each batch would else wait for it in its turn.
  const held = new Set<UserId>()
  const concerns = (users: ReadonlySet<UserId>) => (draft: Draft) =>
    users.has(draft.sender_id) || users.has(draft.receiver_id)

  /** Sends the drafts that need not wait; `undefined` stands for each other. Answers whose inboxes they wait for, too. */
  const sendUnlocked = (drafts: ReadonlyArray<Draft>) =>
    Effect.gen(function* () {
      const locked = yield* lockOthersThan(drafts.flatMap(usersOf))
      const isFree = (draft: Draft) => !concerns(locked)(draft)
      for (const userId of drafts.flatMap(usersOf)) if (!locked.has(userId)) held.delete(userId)
      const sent = (yield* sendTogether(drafts.filter(isFree))).values()
      return { locked, outcomes: drafts.map((draft) => (isFree(draft) ? sent.next().value : undefined)) }
    }).pipe(
      sql.withTransaction,
      orUnavailable,
      Effect.catch((error) =>
        Effect.succeed({ locked: new Set<UserId>(), outcomes: refuseAll(drafts, error) })
      )
    )

  // A batch that a locked inbox holds up goes on without the drafts that concern it. Others may be found locked
  // too, for the moment in which another batch sends to them: that is why each is tried more than once.
  const sendAroundLocks = Effect.fnUntraced(function* (drafts: ReadonlyArray<Draft>, cause: unknown) {
    const refusal = Result.fail(new Unavailable({ dependency: "database", cause }))
    const outcomes = drafts.map((): Outcome => refusal)
    let waiting = [...drafts.keys()]
    for (let tries = 1; ; tries++) {
      const tried = yield* sendUnlocked(waiting.map((place) => drafts[place]!))
      waiting.forEach((place, i) => {
        outcomes[place] = tried.outcomes[i] ?? refusal
      })
      waiting = waiting.filter((_, i) => tried.outcomes[i] === undefined)
      if (tries === TRIES) for (const userId of tried.locked) held.add(userId)
      if (waiting.length === 0 || tries === TRIES) return outcomes
      yield* Effect.sleep(REST)
    }
  })

  // Each try has a time limit of its own: one that ends late takes nothing back of those before it.
  const sendWaiting = (drafts: ReadonlyArray<Draft>): Effect.Effect<ReadonlyArray<Outcome>> =>
    sendTogether(drafts).pipe(
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
    const apart = new Set(drafts.filter(concerns(held)))
    if (apart.size === 0) return yield* sendWaiting(drafts)
    const others = drafts.filter((draft) => !apart.has(draft))
    const sent = (others.length === 0 ? [] : yield* sendWaiting(others)).values()
    const tried = (yield* sendAroundLocks([...apart], "the inbox is locked")).values()
    return drafts.map((draft) => (apart.has(draft) ? tried : sent).next().value!)
  })
}

const refuseAll = (drafts: ReadonlyArray<Draft>, error: Unavailable) => drafts.map(() => Result.fail(error))

const usersOf = ({ sender_id, receiver_id }: Draft) => [sender_id, receiver_id]

interface SendRow {
  readonly status: "sent" | "repeat" | "conflict" | "sender_not_found" | "receiver_not_found"
  readonly id: number
  readonly sender_username: string
  readonly timestamp: Date
  readonly sender_seq: number | null
  readonly receiver_seq: number | null
}

/** An id above the column's range names nobody, and so does 0. */
const columnId = (id: UserId) => (id > MAX_USER_ID ? 0 : id)

const toOutcome = (row: SendRow, draft: Draft): Outcome => {
  switch (row.status) {
    case "sender_not_found":
      return Result.fail(new SenderNotFound())
    case "receiver_not_found":
      return Result.fail(new ReceiverNotFound())
    case "conflict":
      return Result.fail(new ClientIdConflict())
    default:
      return Result.succeed({
        message: toMessage({ ...draft, ...row }),
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
