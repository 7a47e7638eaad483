import type { SqlClient, Statement } from "effect/sql"

/** The limits that stand in the text of statements. A statement is prepared once for each limit. */
const LIMITS = [64, 1024, 16_384] as const

/**
 * SQL for a limit of a range of an index, rounded up, around which the exact limit stands. For a limit that it does not know, PostgreSQL
 * plans for a tenth of all rows: it sorts, or finds the kept plan too dear and plans each call anew.
 */
export const limitInText = (sql: SqlClient.SqlClient, count: number): Statement.Fragment =>
  sql.literal(String(LIMITS.find((one) => one >= count) ?? count))
