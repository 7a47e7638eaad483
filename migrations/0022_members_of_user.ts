import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The order of a list of conversations reads all memberships of a user, which lie all over the table: each a page of 8 KiB. With
  // `joined_after` the index has all of it. `joined_after` never changes, so a read mark still makes no new entry.
  yield* sql`DROP INDEX members_of_user`
  yield* sql`CREATE INDEX members_of_user ON members (user_id, conversation_id) INCLUDE (joined_after)`
})
