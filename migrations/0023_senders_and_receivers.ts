import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The functions that insert messages hold the locks of the inboxes of their senders and receivers, whose user ids reference `users`, and
  // no row of `users` is ever deleted. The references of messages made each send look up both users once more, and lock and write their
  // rows: a seventh of what a send takes of the database (bench/README.md, "What search and webhooks cost a send").
  yield* sql`ALTER TABLE messages DROP CONSTRAINT messages_sender_id_fkey, DROP CONSTRAINT messages_receiver_id_fkey`
})
