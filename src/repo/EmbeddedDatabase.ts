import type { PgClient } from "@effect/sql-pg"
import { PGlite } from "@electric-sql/pglite"
import { PGLiteSocketServer } from "@electric-sql/pglite-socket"
import { Effect, FileSystem, Path } from "effect"
import { lockDataDir } from "./DataDirLock.ts"

/**
 * Starts PostgreSQL inside this process, on the files in `dataDir`, and tells how to connect to it: the same
 * client, statements and migrations as with a server of its own. Everything acknowledged survives the death
 * of the process. Scoped.
 */
export const embedded = Effect.fnUntraced(function* (dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* lockDataDir(dataDir)

  const db = yield* Effect.acquireRelease(
    Effect.promise(() => PGlite.create({ dataDir: path.join(dataDir, "postgres") })),
    (db) => Effect.promise(() => db.close())
  )
  // A folder of its own: the path of a Unix socket has room for 107 bytes, and dataDir may be long.
  const socketDir = yield* Effect.orDie(fs.makeTempDirectoryScoped({ prefix: "minichat-" }))
  const socket = path.join(socketDir, ".s.PGSQL.5432")
  const server = new PGLiteSocketServer({ db, path: socket })
  yield* Effect.acquireRelease(
    Effect.promise(() => server.start()),
    () => Effect.promise(() => server.stop())
  )

  const options: PgClient.PgPoolConfig = {
    path: socket,
    username: "postgres",
    database: "postgres",
    maxConnections: 1
  }
  return options
})
