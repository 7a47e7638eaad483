import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Nodes of the release before read these columns as well, and leave them alone.
  yield* sql`
    ALTER TABLE users
      ADD external_id varchar(255) COLLATE "C",
      ADD avatar_url varchar(2048),
      ADD metadata jsonb`
  yield* sql`CREATE UNIQUE INDEX users_external_id ON users (external_id)`
  // Names that are one under Unicode normalisation. Not unique: former releases made some twice, and such users keep their names.
  yield* sql`CREATE INDEX users_normal_username ON users (normalize(username, NFKC))`

  // The names by which users are found: see `foldedNames`. `other` is the user's other name, so that a search gives nobody twice.
  // The server adds the rows of users that are there already, and of those that nodes of older releases create.
  yield* sql`
    CREATE TABLE user_names (
      user_id int NOT NULL REFERENCES users,
      name text COLLATE "C" NOT NULL,
      other text COLLATE "C",
      PRIMARY KEY (user_id, name)
    )`
  yield* sql`CREATE INDEX user_names_name ON user_names (name, user_id)`
})
