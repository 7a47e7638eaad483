import { setFlagsFromString } from "node:v8"
import type { PgClient } from "@effect/sql-pg"
import type { PGlite } from "@electric-sql/pglite"
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
export const EmbeddedDatabase = Context.Reference<typeof start>("minichat/database/EmbeddedDatabase", {
  defaultValue: () => start
})

/**
 * V8 compiles a function of PostgreSQL's anew, optimized, once it ran this much. By default it does so for some large
 * ones right after the start, which takes a core for two seconds, and 500 MB, from a server that may have no work yet.
 */
const WASM_TIERING_BUDGET = 1_000_000_000

/** Loads PGlite. A server with a `DATABASE_URL` never does. */
export const loadPGlite = () => {
  setFlagsFromString(`--wasm-tiering-budget=${WASM_TIERING_BUDGET}`)
  return import("@electric-sql/pglite")
}

/**
 * Opens the files of a cluster. The first time they are unpacked from a ready one: `initdb` inside WebAssembly takes
 * several times as long. A cluster that a start was still making when it died is made again: nothing was
 * acknowledged on it.
 */
const openCluster = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { PGlite } = yield* Effect.promise(loadPGlite)
  const unfinished = `${folder}.unfinished`
  if (yield* fs.exists(unfinished)) yield* fs.remove(folder, { recursive: true, force: true })
  if (yield* fs.exists(folder)) return yield* Effect.promise(() => PGlite.create({ dataDir: folder }))
  yield* fs.writeFileString(unfinished, "")
  const loadDataDir = yield* Effect.promise(async () => {
    const { dataDir } = await import("@electric-sql/pglite-prepopulatedfs")
    return dataDir()
  })
  const db = yield* Effect.promise(() => PGlite.create({ dataDir: folder, loadDataDir }))
  yield* fs.remove(unfinished)
  return db
}, Effect.orDie)

/** Lets the client of this process connect to `db`. Scoped. */
export const listen = Effect.fnUntraced(function* (db: PGlite) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // A folder of its own: the path of a Unix socket has room for 107 bytes, and a data folder's may be long.
  const socketDir = yield* fs.makeTempDirectoryScoped({ prefix: "minichat-" })
  const socket = path.join(socketDir, ".s.PGSQL.5432")
  const { PGLiteSocketServer } = yield* Effect.promise(() => import("@electric-sql/pglite-socket"))
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
