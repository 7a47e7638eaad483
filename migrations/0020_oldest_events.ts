import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // No event of an inbox is older than this, so pruning finds by an index which inboxes have old events. Sends do not change it. An inbox
  // from before this migration is looked at once. The constant comes first: the table is not rewritten.
  yield* sql`ALTER TABLE inboxes ADD COLUMN oldest_at timestamptz NOT NULL DEFAULT '-infinity'`
  yield* sql`ALTER TABLE inboxes ALTER COLUMN oldest_at SET DEFAULT clock_timestamp()`
  yield* sql`CREATE INDEX inboxes_oldest_at ON inboxes (oldest_at)`

  // Its ranges never narrow: after the first retention, when new events take the place of pruned ones, each range matches.
  yield* sql`DROP INDEX inbox_events_created_at`
})
