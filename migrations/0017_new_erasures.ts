import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // It answers one column more from now on. Its text is that of `migrations/functions`, applied in this transaction.
  yield* sql`DROP FUNCTION IF EXISTS order_erasure(int)`
})
