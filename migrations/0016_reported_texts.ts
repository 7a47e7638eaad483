import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The message as it was when it was reported: its author may edit or delete it before a moderator reads the report. A report from
  // before this migration gets what the message says now.
  yield* sql`
    ALTER TABLE reports
      ADD content text,
      ADD metadata jsonb,
      ADD version int`
  yield* sql`
    UPDATE reports r SET content = m.content, metadata = m.metadata, version = m.version
    FROM messages m WHERE m.id = r.message_id`
  // The report of a user that is erased stays, without the user.
  yield* sql`
    ALTER TABLE reports
      ALTER content SET NOT NULL,
      ALTER version SET NOT NULL,
      ALTER reporter_id DROP NOT NULL`
})
