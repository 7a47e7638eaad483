import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Which text of each function in `migrations/functions` is in force, and which release applied it.
  yield* sql`
    CREATE TABLE sql_functions (
      name text PRIMARY KEY,
      checksum text NOT NULL,
      release text NOT NULL
    )`

  // The cached answer of a recent list carries the head of its inbox: no list can be stale without a reader noticing it.
  yield* sql`DROP TABLE stale_lists`
})
