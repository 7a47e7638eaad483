import { Duration, Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, int8Array } from "../database/SqlParameters.ts"
import type { Erasure } from "../domain/Erasure.ts"
import { MAX_USER_ID, type UserId, UserNotFound } from "../domain/User.ts"
import { appendedBy, type ChangeRow, changing } from "./ChangeRows.ts"
import { type ErasureCalls, LEASE } from "./ErasureCalls.ts"
import { MESSAGE_COLUMNS } from "./MessageColumns.ts"
import { type MessageRow, toMessage } from "./Rows.ts"

interface ErasureRow {
  readonly user_id: UserId
  readonly ordered_at: Date
  readonly finished_at: Date | null
  readonly is_new: boolean
}

const toErasure = ({ user_id, ordered_at, finished_at }: ErasureRow): Erasure => ({
  user_id,
  ordered_at: ordered_at.toISOString(),
  finished_at: finished_at?.toISOString() ?? null
})

const leaseSeconds = int4(Duration.toSeconds(LEASE))

/** Erases users through the functions of `migrations/functions`. */
export const make = Effect.gen(function* () {
  const database = yield* Database
  const { pipeline: sql, inPipeline, sends, writes, orUnavailable } = database
  const change = changing(database)

  const order: ErasureCalls["order"] = Effect.fn("ErasureRepo.order")(function* (userId) {
    if (userId > MAX_USER_ID) return yield* new UserNotFound({ userId })
    const rows = yield* orUnavailable(sends<ErasureRow>`SELECT * FROM order_erasure(${int4(userId)})`)
    if (rows[0] === undefined) return yield* new UserNotFound({ userId })
    return { erasure: toErasure(rows[0]), isNew: rows[0].is_new }
  })

  const findErased: ErasureCalls["findErased"] = (externalId) =>
    sql<{ readonly userId: UserId; readonly orderedAt: Date; readonly wasSuspended: boolean }>`
      SELECT user_id AS "userId", ordered_at AS "orderedAt", was_suspended AS "wasSuspended" FROM erasures
      WHERE external_id_hash = sha256(convert_to(${externalId}, 'UTF8')) ORDER BY user_id DESC LIMIT 1`.pipe(
      Effect.map(([row]) => row && { ...row, orderedAt: row.orderedAt.getTime() }),
      inPipeline
    )

  const claim: ErasureCalls["claim"] = writes<{ readonly userId: UserId | null }>`
    SELECT claim_erasure(${leaseSeconds}) AS "userId"`.pipe(
    Effect.map((rows) => rows[0]?.userId ?? undefined),
    orUnavailable
  )

  /** The messages as they are after the commit. */
  const messagesOf = (rows: ReadonlyArray<ChangeRow<string>>) => {
    const ids = rows.flatMap(({ message_id }) => message_id ?? [])
    return ids.length === 0
      ? Effect.succeed([])
      : inPipeline(
          sql<MessageRow>`SELECT ${sql.literal(MESSAGE_COLUMNS)} FROM messages m WHERE m.id = ANY (${int8Array(ids)})`
        )
  }

  const step: ErasureCalls["step"] = Effect.fn("ErasureRepo.step")(function* (userId, bounds) {
    const rows = yield* change<ChangeRow<"changed" | "done">>(
      (sql) => sql`SELECT * FROM erase_step(
        ${int4(userId)}, ${int4(bounds.rows)}, ${int4(bounds.events)}, ${leaseSeconds}
      )`
    )
    const messages = new Map(
      (yield* Effect.retry(messagesOf(rows), { times: 1 })).map((row) => [row.id, toMessage(row)])
    )
    return {
      appended: appendedBy(rows, (id) => messages.get(id)).filter(({ places }) => places.length > 0),
      isDone: rows[0]!.status === "done"
    }
  })

  const peers: ErasureCalls["peers"] = (userId, after, limit) =>
    sql<{ readonly peer: UserId }>`
      SELECT peer FROM (
        (SELECT high AS peer FROM conversations WHERE low = ${int4(userId)} AND high > ${int4(after)} ORDER BY high LIMIT ${int4(limit)})
        UNION
        (SELECT low AS peer FROM conversations WHERE kind = 'direct' AND high = ${int4(userId)} AND low > ${int4(after)} ORDER BY low LIMIT ${int4(limit)})
      ) p WHERE peer <> ${int4(userId)} ORDER BY peer LIMIT ${int4(limit)}`.pipe(
      Effect.map((rows) => rows.map(({ peer }) => peer)),
      inPipeline
    )

  const finish: ErasureCalls["finish"] = (userId) =>
    writes`UPDATE erasures SET finished_at = clock_timestamp() WHERE user_id = ${int4(userId)}`.pipe(
      Effect.asVoid,
      orUnavailable
    )

  return { order, findErased, claim, step, peers, finish } satisfies ErasureCalls
})
