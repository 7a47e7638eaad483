import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Recent lists in Redis that may lack a message. A mark is never used twice: whoever takes one back cannot mean another.
  yield* sql`
    CREATE TABLE stale_lists (
      user_id int PRIMARY KEY,
      mark bigint GENERATED ALWAYS AS IDENTITY
    )`
})
