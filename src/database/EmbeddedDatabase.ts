import { setFlagsFromString } from "node:v8"
import type { PgClient } from "@effect/sql-pg"
import { PGlite } from "@electric-sql/pglite"
import { dataDir as emptyCluster } from "@electric-sql/pglite-prepopulatedfs"
import { PGLiteSocketServer } from "@electric-sql/pglite-socket"
import { Context, Effect, FileSystem, Path } from "effect"
import { lockDataDir } from "./DataDirLock.ts"

/**
 * Starts PostgreSQL inside this process, on the files in `dataDir`, and tells how to connect to it: the same
 * client, statements and migrations as with a server of its own. Everything acknowledged survives the death
 * of the process. Scoped.
 */
const start = Effect.fnUntraced(function* (dataDir: string) {
  const path = yield* Path.Path
  // The files hold the text of every message. The mask is the process's, which writes nothing that others are to read.
  yield* Effect.sync(() => process.umask(0o077))
  yield* lockDataDir(dataDir)
  const db = yield* Effect.acquireRelease(openCluster(path.join(dataDir, "postgres")), (db) =>
    Effect.promise(() => db.close())
  )
  return yield* listen(db)
})

/** How the embedded database is started. A reference, so that tests can have one that runs already. */
export const EmbeddedDatabase = Context.Reference<typeof start>("minichat/repo/EmbeddedDatabase", {
  defaultValue: () => start
})

/**
 * V8 compiles a function of PostgreSQL's anew, optimized, once it ran this much. By default it does so for some large
 * ones right after the start, which takes a core for two seconds, and 500 MB, from a server that may have no work yet.
 */
setFlagsFromString("--wasm-tiering-budget=1000000000")

/**
 * Opens the files of a cluster. The first time they are unpacked from a ready one: `initdb` inside WebAssembly takes
 * several times as long. A cluster that a start was still making when it died is made again: nothing was
 * acknowledged on it.
 */
const openCluster = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const unfinished = `${folder}.unfinished`
  if (yield* fs.exists(unfinished)) yield* fs.remove(folder, { recursive: true, force: true })
  if (yield* fs.exists(folder)) return yield* Effect.promise(() => PGlite.create({ dataDir: folder }))
  yield* fs.writeFileString(unfinished, "")
  const loadDataDir = yield* Effect.promise(emptyCluster)
  const db = yield* Effect.promise(() => PGlite.create({ dataDir: folder, loadDataDir }))
  yield* fs.remove(unfinished)
  return db
}, Effect.orDie)

/** Lets the client of this process connect to `db`. Scoped. */
export const listen = Effect.fnUntraced(function* (db: PGlite) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // A folder of its own: the path of a Unix socket has room for 107 bytes, and a data folder's may be long.
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
