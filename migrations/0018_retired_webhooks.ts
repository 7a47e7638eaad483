import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // What waits for a retired endpoint is deleted an hour later, not at once: a node may still serve the endpoint.
  yield* sql`ALTER TABLE webhook_endpoints ADD COLUMN retired_at timestamptz`

  // It takes one parameter more from now on. Its text is that of `migrations/functions`, applied in this transaction.
  yield* sql`DROP FUNCTION IF EXISTS retry_webhooks(uuid, int)`
})
