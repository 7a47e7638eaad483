import type { PgClient } from "@effect/sql-pg"
import type { Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import type { Database } from "../database/Database.ts"
import type { AppendedFact } from "../domain/Event.ts"
import type { Message } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"

/** A row of a SQL function that changes something: the outcome, and an event that was appended when it has a type. */
export interface ChangeRow<Status extends string> {
  readonly status: Status
  /** The id of the conversation. */
  readonly id: number
  readonly type: string | null
  readonly message_id: number | null
  readonly payload: unknown
  readonly at: Date
  readonly users: ReadonlyArray<number> | null
  readonly seqs: ReadonlyArray<number> | null
}

/**
 * Runs a function that changes something and waits for locks: on the connections for sends. A lock that another transaction
 * holds for two seconds makes it `Unavailable`.
 */
export const changing =
  ({ sends: sql, orUnavailable }: Database["Service"]) =>
  <Row extends object>(
    statement: (sql: PgClient.PgClient) => Statement.Statement<Row>
  ): Effect.Effect<ReadonlyArray<Row>, Unavailable> =>
    orUnavailable(statement(sql) as Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>)

/** The events that the rows report. `message` is that of the events which are about one. */
export const appendedBy = (
  rows: ReadonlyArray<ChangeRow<string>>,
  message?: Message
): ReadonlyArray<AppendedFact> =>
  rows.flatMap(({ type, message_id, payload, at, users, seqs }) =>
    type === null
      ? []
      : {
          fact: {
            type,
            committedAt: at.getTime(),
            message: message_id === null ? undefined : message,
            clientId: undefined,
            payload: payload ?? undefined
          },
          places: (users ?? []).map((userId, i) => ({ userId: userId as UserId, seq: seqs![i]! }))
        }
  )
