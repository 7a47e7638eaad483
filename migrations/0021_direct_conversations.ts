import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The direct conversations of a user that are stored under the smaller id of the other: the unique index begins with that one.
  yield* sql`CREATE INDEX conversations_high ON conversations (high, low) WHERE high IS NOT NULL`
})
