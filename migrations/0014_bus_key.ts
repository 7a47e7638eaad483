import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // What nodes sign their frames on Redis with: one row. A table of its own, as a change of the row in `deployment` would change
  // the epoch. Three random UUIDs hold more than 256 random bits.
  yield* sql`
    CREATE TABLE bus_key (
      is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
      key bytea NOT NULL DEFAULT sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8'))
    )`
  yield* sql`INSERT INTO bus_key DEFAULT VALUES`
})
