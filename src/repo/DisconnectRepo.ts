import { Context, Duration, Effect, Layer } from "effect"
import { Database } from "../database/Database.ts"
import { int4 } from "../database/SqlParameters.ts"
import type { Disconnect } from "../domain/Disconnect.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { MAX_USER_ID, UserId, UserNotFound } from "../domain/User.ts"

/** How many orders a statement reads when all are read. */
const PAGE = 10_000

interface Row {
  readonly user_id: number
  readonly ordered_at: number
  readonly age: number
  readonly close_code: number
  readonly tokens_not_before: number | null
  readonly is_suspended: boolean
}

/** The last order to disconnect each user. A suspension and its end are such orders too: see `SuspensionRepo`. */
export class DisconnectRepo extends Context.Service<
  DisconnectRepo,
  {
    /**
     * Orders that the sockets of a user be closed with a code. With `revokeTokens`, tokens that were issued until the end of the
     * current second are refused from then on: the times of tokens are whole seconds.
     */
    order(
      userId: UserId,
      closeCode: number,
      revokeTokens: boolean
    ): Effect.Effect<Disconnect, UserNotFound | Unavailable>
    /** The last order to disconnect a user; `undefined` when there was none. */
    of(userId: UserId): Effect.Effect<Disconnect | undefined, Unavailable>
    /** The orders of the last `within`. */
    latest(within: Duration.Duration): Effect.Effect<ReadonlyArray<Disconnect>, Unavailable>
    /** Every order that was committed before the call. */
    readonly all: Effect.Effect<ReadonlyArray<Disconnect>, Unavailable>
  }
>()("minichat/repo/DisconnectRepo") {
  static readonly layer = Layer.effect(
    DisconnectRepo,
    Effect.gen(function* () {
      const { pipeline: sql, writes, inPipeline, orUnavailable } = yield* Database
      // Nodes ignore an order that is older than the one they know: not even a clock that was set back makes it so.
      const later = sql.literal(
        "greatest(clock_timestamp(), disconnects.ordered_at + interval '1 microsecond')"
      )
      const columns = sql.literal(
        `user_id, close_code, tokens_not_before, (extract(epoch FROM ordered_at) * 1000)::float8 AS ordered_at,
          (extract(epoch FROM clock_timestamp() - ordered_at) * 1000)::float8 AS age,
          (SELECT u.suspended_at IS NOT NULL FROM users u WHERE u.id = disconnects.user_id) AS is_suspended`
      )

      const order = Effect.fn("DisconnectRepo.order")(function* (
        userId: UserId,
        closeCode: number,
        revokeTokens: boolean
      ) {
        if (userId > MAX_USER_ID) return yield* new UserNotFound({ userId })
        const rows = yield* orUnavailable(writes<Row>`
          INSERT INTO disconnects (user_id, close_code, tokens_not_before)
          SELECT id, ${int4(closeCode)},
            CASE WHEN ${revokeTokens} THEN floor(extract(epoch FROM clock_timestamp()))::bigint + 1 END
          FROM users WHERE id = ${int4(userId)} AND deleted_at IS NULL
          ON CONFLICT (user_id) DO UPDATE SET ordered_at = ${later}, close_code = EXCLUDED.close_code,
            tokens_not_before = coalesce(EXCLUDED.tokens_not_before, disconnects.tokens_not_before)
          RETURNING ${columns}`)
        const row = rows[0]
        return row === undefined ? yield* new UserNotFound({ userId }) : toDisconnect(row)
      })

      const latest = Effect.fnUntraced(function* (within: Duration.Duration) {
        const seconds = int4(Math.ceil(Duration.toSeconds(within)))
        // PostgreSQL would not look up `clock_timestamp()` in an index: it may change while the statement runs.
        const rows = yield* inPipeline(sql<Row>`
          SELECT ${columns} FROM disconnects WHERE ordered_at > statement_timestamp() - make_interval(secs => ${seconds})`)
        return rows.map(toDisconnect)
      })

      const all = Effect.gen(function* () {
        const orders: Array<Disconnect> = []
        for (let last = 0; ; ) {
          const rows = yield* inPipeline(sql<Row>`
            SELECT ${columns} FROM disconnects WHERE user_id > ${int4(last)} ORDER BY user_id LIMIT ${int4(PAGE)}`)
          for (const row of rows) orders.push(toDisconnect(row))
          if (rows.length < PAGE) return orders
          last = rows.at(-1)!.user_id
        }
      })

      const of = Effect.fnUntraced(function* (userId: UserId) {
        if (userId > MAX_USER_ID) return undefined
        const rows = yield* inPipeline(
          sql<Row>`SELECT ${columns} FROM disconnects WHERE user_id = ${int4(userId)}`
        )
        return rows.map(toDisconnect)[0]
      })

      return DisconnectRepo.of({ order, of, latest, all })
    })
  )
}

const toDisconnect = (row: Row): Disconnect => ({
  userId: UserId.make(row.user_id),
  orderedAt: row.ordered_at,
  age: row.age,
  closeCode: row.close_code,
  tokensNotBefore: row.tokens_not_before ?? undefined,
  isSuspended: row.is_suspended
})
