import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The row of an erased user stays, as messages name it; its inbox does not. Who has no inbox neither sends nor receives.
  yield* sql`ALTER TABLE users ADD deleted_at timestamptz(3)`

  // How far each erasure is. `after_id` and `after_seq` are the place up to which its phase is done.
  yield* sql`
    CREATE TABLE erasures (
      user_id int PRIMARY KEY REFERENCES users,
      ordered_at timestamptz(3) NOT NULL,
      phase int NOT NULL DEFAULT 1,
      after_id bigint NOT NULL DEFAULT 0,
      after_seq bigint NOT NULL DEFAULT 0,
      leased_until timestamptz NOT NULL,
      finished_at timestamptz(3)
    )`
  yield* sql`CREATE INDEX erasures_unfinished ON erasures (leased_until) WHERE finished_at IS NULL`

  // What one user wrote, by id. Messages to users have an index of their sender already.
  yield* sql`CREATE INDEX messages_sent_to_groups ON messages (sender_id, id) WHERE receiver_id IS NULL`
  yield* sql`CREATE INDEX reactions_of_user ON reactions (user_id, message_id, emoji COLLATE "C")`
  yield* sql`CREATE INDEX conversations_created_by ON conversations (created_by, id) WHERE kind = 'group'`

  // Events whose payload has the names of a user. Those of messages, which are most, have no payload and no entry.
  yield* sql`
    CREATE INDEX inbox_events_naming ON inbox_events (
      (coalesce(payload #>> '{member,user_id}', payload #>> '{conversation,with,user_id}', payload #>> '{user,id}')::int),
      user_id, seq
    ) WHERE coalesce(payload #>> '{member,user_id}', payload #>> '{conversation,with,user_id}', payload #>> '{user,id}') IS NOT NULL`
})
