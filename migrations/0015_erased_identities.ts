import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Tokens of an erased user are valid until they expire, and name it by its external id. Its hash tells them apart from those of a user
  // who is not there yet. A person may have been erased several times: the latest user counts.
  yield* sql`
    ALTER TABLE erasures
      ADD external_id_hash bytea,
      ADD was_suspended boolean NOT NULL DEFAULT false`
  yield* sql`
    CREATE INDEX erasures_external_id ON erasures (external_id_hash, user_id) WHERE external_id_hash IS NOT NULL`
})
