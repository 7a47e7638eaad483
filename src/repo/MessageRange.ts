import type { SqlClient, Statement } from "effect/sql"
import { int8 } from "../database/SqlParameters.ts"
import type { MessageId } from "../domain/Message.ts"
import { limitInText } from "./LimitInText.ts"

interface Range {
  readonly select: "*" | "id"
  readonly column: "sender_id" | "receiver_id" | "conversation_id"
  readonly value: Statement.Fragment
  /** The ids between which the messages lie, exclusive. */
  readonly after: Statement.Fragment
  readonly beforeId: MessageId | undefined
  readonly order: "ASC" | "DESC"
  /** How many of the messages are read at least. */
  readonly count: number
}

/**
 * SQL for the first messages with a value in one column, ordered by id: a range of the index on the column and the id. The
 * comparisons and the order name both columns, so that no other index gives this order, with any statistics. With `column = value
 * ORDER BY id` the planner scans the primary key when it takes the value for a frequent one, and so reads every later message of
 * others. The column is selected again as `owner`: with `ORDER BY owner, id` PostgreSQL merges two ranges of one value without sorting.
 */
export const messageRange = (
  sql: SqlClient.SqlClient,
  { select, column, value, after, beforeId, order, count }: Range
): Statement.Fragment => {
  const [what, by, direction] = [sql.literal(select), sql.literal(column), sql.literal(order)]
  const isDirect = sql.literal(column === "conversation_id" ? "true" : "receiver_id IS NOT NULL")
  return sql`SELECT ${by} AS owner, ${what} FROM messages WHERE ${isDirect}
      AND (${by}, id) > (${value}, ${after}) AND (${by}, id) < (${value}, ${int8(beforeId ?? Number.MAX_SAFE_INTEGER)})
      ORDER BY ${by} ${direction}, id ${direction} LIMIT ${limitInText(sql, count)}`
}

/** SQL for a page of `messageRange`. */
export const messagePage = (
  sql: SqlClient.SqlClient,
  {
    skip,
    limit,
    ...range
  }: Omit<Range, "select" | "count"> & { readonly skip: number; readonly limit: number }
): Statement.Fragment =>
  sql`SELECT * FROM (${messageRange(sql, { ...range, select: "*", count: skip + limit })}) range
    OFFSET ${int8(skip)} LIMIT ${int8(limit)}`
