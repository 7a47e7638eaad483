import type { PgClient } from "@effect/sql-pg"
import type { Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import type { Database } from "../database/Database.ts"
import type { AppendedFact, Place } from "../domain/Event.ts"
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
  readonly seqs: ReadonlyArray<number | null> | null
}

/**
 * Runs a function that changes something, on the connections for sends, because it waits for locks. Fails with `Unavailable` when
 * another transaction holds a lock for two seconds.
 */
export const changing =
  ({ sends: sql, orUnavailable }: Database["Service"]) =>
  <Row extends object>(
    statement: (sql: PgClient.PgClient) => Statement.Statement<Row>
  ): Effect.Effect<ReadonlyArray<Row>, Unavailable> =>
    orUnavailable(statement(sql) as Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>)

/**
 * The facts that the rows report. `messageOf` gives the message of the facts that are about one. A user without an inbox, such as an
 * erased one, gets no event.
 */
export const appendedBy = (
  rows: ReadonlyArray<ChangeRow<string>>,
  messageOf?: Message | ((id: number) => Message | undefined)
): ReadonlyArray<AppendedFact> =>
  rows.flatMap(({ type, message_id, payload, at, users, seqs }) =>
    type === null
      ? []
      : {
          fact: {
            type,
            committedAt: at.getTime(),
            message:
              message_id === null
                ? undefined
                : typeof messageOf === "function"
                  ? messageOf(message_id)
                  : messageOf,
            clientId: undefined,
            payload: payload ?? undefined
          },
          places: placesOf(users ?? [], seqs ?? [])
        }
  )

/** The numbers of an event in the inboxes that exist. */
export const placesOf = (
  users: ReadonlyArray<number>,
  seqs: ReadonlyArray<number | null>
): ReadonlyArray<Place> =>
  users.flatMap((userId, i) => {
    const seq = seqs[i]
    return seq == null ? [] : { userId: userId as UserId, seq }
  })
