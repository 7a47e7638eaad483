import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // `last_read_id` is how far the blocked user had read the direct conversation when it was blocked: the other is shown no more.
  yield* sql`
    CREATE TABLE blocks (
      user_id int NOT NULL REFERENCES users,
      blocked_id int NOT NULL REFERENCES users,
      created_at timestamptz(3) NOT NULL,
      last_read_id bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (user_id, blocked_id),
      CHECK (user_id <> blocked_id)
    )`
  yield* sql`CREATE INDEX blocks_of_blocked ON blocks (blocked_id)`

  // No foreign key to messages: a report would wait for the lock of each edit of its message.
  yield* sql`
    CREATE TABLE reports (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      message_id bigint NOT NULL,
      reporter_id int NOT NULL REFERENCES users,
      reason text,
      created_at timestamptz(3) NOT NULL,
      UNIQUE (message_id, reporter_id)
    )`
  yield* sql`CREATE INDEX reports_of_reporter ON reports (reporter_id)`

  // Since when the user is suspended. Each change of it is an order in `disconnects`, by which all nodes learn of it.
  yield* sql`ALTER TABLE users ADD suspended_at timestamptz(3)`
})
