import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // One row: when the index of the search was built anew, so that it has no words of users who were erased before, and until when a
  // node may be at it.
  yield* sql`
    CREATE TABLE search_rebuilds (
      is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
      rebuilt_at timestamptz NOT NULL DEFAULT '-infinity',
      leased_until timestamptz NOT NULL DEFAULT '-infinity'
    )`
  yield* sql`INSERT INTO search_rebuilds DEFAULT VALUES`
})
