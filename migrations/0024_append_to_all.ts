import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // It had one more parameter for a time: beside that one, a call with five arguments would name two functions.
  yield* sql`DROP FUNCTION IF EXISTS append_to_all(int[], text, bigint, jsonb, timestamptz, int)`
})
