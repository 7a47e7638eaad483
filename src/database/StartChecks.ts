import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

interface State {
  readonly encoding: string
  readonly isolation: string
  readonly schema: string | null
  readonly mayCreate: boolean | null
  readonly isMigrated: boolean
  readonly user: string
}

/** Why a database cannot serve, in one line with what to do; `undefined` when it can. */
export const problemOf = (sql: PgClient.PgClient) =>
  Effect.map(
    sql<State>`SELECT current_setting('server_encoding') AS encoding,
      current_setting('transaction_isolation') AS isolation, current_schema()::text AS schema,
      has_schema_privilege(current_schema(), 'CREATE') AS "mayCreate",
      to_regclass('deployment') IS NOT NULL AS "isMigrated", current_user::text AS "user"`,
    (rows) => problemIn(rows[0]!)
  )

const problemIn = ({ encoding, isolation, schema, mayCreate, isMigrated, user }: State) => {
  if (encoding !== "UTF8")
    return `it is encoded in ${encoding}, and messages need UTF8. Make one by createdb --template=template0 --encoding=UTF8`
  if (isolation !== "read committed")
    return `its transactions are "${isolation}", and must be "read committed". Set default_transaction_isolation for the database or the user ${user}`
  if (schema === null)
    return `the user ${user} may use no schema of its search_path. GRANT USAGE, CREATE ON SCHEMA public TO ${user}`
  if (!isMigrated && mayCreate !== true)
    return `the user ${user} may not make tables in the schema ${schema}. GRANT CREATE ON SCHEMA ${schema} TO ${user}`
  return undefined
}
