import { createHash } from "node:crypto"
import { Effect, FileSystem, Path } from "effect"
import type { SqlClient } from "effect/sql"
import { VERSION } from "../domain/Version.ts"
import { textArray } from "./SqlParameters.ts"

/** Where the text in force of each SQL function stands: one function a file, named after it. */
const FOLDER = "../../migrations/functions"

const checksumOf = (text: string) => createHash("sha256").update(text).digest("hex")

/**
 * Replaces the SQL functions whose text changed. To be run in the transaction of the migrations, under their lock. While nodes
 * of two releases run side by side, the older one leaves alone what the newer one applied.
 */
export const applyFunctions = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(import.meta.dirname, FOLDER)

  const inForce = new Map(
    (yield* sql<{ readonly name: string; readonly checksum: string; readonly isNewer: boolean }>`
      SELECT name, checksum,
        string_to_array(release, '.')::int[] > string_to_array(${VERSION}, '.')::int[] AS "isNewer"
      FROM sql_functions`).map((row) => [row.name, row])
  )

  const files = (yield* fs.readDirectory(folder)).filter((file) => file.endsWith(".sql")).sort()
  const changed = yield* Effect.forEach(
    files,
    Effect.fnUntraced(function* (file) {
      const name = path.basename(file, ".sql")
      const text = yield* fs.readFileString(path.join(folder, file))
      const checksum = checksumOf(text)
      const applied = inForce.get(name)
      if (applied?.isNewer || applied?.checksum === checksum) return []
      yield* sql.unsafe(text)
      return [{ name, checksum }]
    })
  ).pipe(Effect.map((found) => found.flat()))
  if (changed.length === 0) return
  yield* sql`INSERT INTO sql_functions (name, checksum, release)
    SELECT name, checksum, ${VERSION} FROM unnest(
      ${textArray(changed.map(({ name }) => name))}, ${textArray(changed.map(({ checksum }) => checksum))}
    ) AS changed (name, checksum)
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, release = excluded.release`
})
