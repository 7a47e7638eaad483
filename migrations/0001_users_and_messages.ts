import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE users (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      username varchar(50) NOT NULL UNIQUE,
      display_name varchar(100) NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
    )`

  yield* sql`
    CREATE TABLE messages (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      sender_id int NOT NULL REFERENCES users,
      receiver_id int NOT NULL REFERENCES users,
      content varchar(1000) NOT NULL,
      client_id varchar(200),
      timestamp timestamptz(3) NOT NULL
    )`
  yield* sql`CREATE UNIQUE INDEX messages_client_id ON messages (sender_id, client_id) WHERE client_id IS NOT NULL`

  // One index for each way in which a history is paged, so that a page is a range of an index however long it is.
  yield* sql`CREATE INDEX messages_sent ON messages (sender_id, id)`
  yield* sql`CREATE INDEX messages_received ON messages (receiver_id, id)`
  yield* sql`CREATE INDEX messages_between ON messages (sender_id, receiver_id, id)`
})
