import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The last order to disconnect each user. Nodes read the latest orders every second.
  yield* sql`
    CREATE TABLE disconnects (
      user_id int PRIMARY KEY REFERENCES users (id),
      ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      close_code int NOT NULL,
      -- Tokens of the user that were issued before are refused. Seconds since 1970.
      tokens_not_before bigint
    )`
  yield* sql`CREATE INDEX disconnects_ordered_at ON disconnects (ordered_at)`
})
