import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // One row. `current_epoch` tells how it names the history of the database.
  yield* sql`
    CREATE TABLE deployment (
      is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      generation int NOT NULL DEFAULT 1
    )`
  yield* sql`INSERT INTO deployment DEFAULT VALUES`
})
