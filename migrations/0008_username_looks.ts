import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // How each username looks; see `Looks`. The server adds the rows of users that nodes of older releases create.
  yield* sql`
    CREATE TABLE username_looks (
      user_id int PRIMARY KEY REFERENCES users,
      skeleton text NOT NULL,
      scripts text[] NOT NULL
    )`
  // A skeleton can be longer than what a B-tree takes.
  yield* sql`CREATE INDEX username_looks_skeleton ON username_looks USING hash (skeleton)`
})
