import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // For the direct conversations of a user that has the larger id of the two: the unique index begins with the smaller one. Look-ups of a
  // single conversation do not name the kind, and stay with the unique index.
  yield* sql`CREATE INDEX conversations_high ON conversations (high, low) WHERE kind = 'direct'`
})
