import { setFlagsFromString } from "node:v8"
import type { PgClient } from "@effect/sql-pg"
import type { PGlite } from "@electric-sql/pglite"
import { Context, Effect, FileSystem, Path } from "effect"
import { lockDataDir } from "./DataDirLock.ts"
import { unpack } from "./Unpack.ts"

/**
 * Starts PostgreSQL inside this process, on the files in `dataDir`, and answers how to connect to it: the same
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
 * V8 would compile what runs much anew, optimized. For the parser of PostgreSQL, one function of 100 KB, it takes 600 MB and a core
 * for a second, right after a first start, and its budget of work cannot be set high enough to put that off. Without, a statement
 * takes a fifth more time.
 */
const COMPILED_ONCE = ["--liftoff-only", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"]

/** By default 128 MB, which WebAssembly touches all at once. What is not here is in the cache of the operating system. */
const SHARED_BUFFERS = "32MB"

/** Loads PGlite. A server with a `DATABASE_URL` never does. */
export const loadPGlite = async () => {
  for (const flag of COMPILED_ONCE) setFlagsFromString(flag)
  return await import("@electric-sql/pglite")
}

/**
 * Opens the files of a cluster. The first time they are unpacked from a ready one: `initdb` inside WebAssembly takes
 * several times as long. A cluster that a start was still making when it died is made again: nothing was
 * acknowledged on it.
 */
const openCluster = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { PGlite } = yield* Effect.promise(loadPGlite)
  const startParams = [...PGlite.defaultStartParams, "-c", `shared_buffers=${SHARED_BUFFERS}`]
  const unfinished = `${folder}.unfinished`
  if (yield* fs.exists(unfinished)) yield* fs.remove(folder, { recursive: true, force: true })
  if (!(yield* fs.exists(folder))) {
    yield* fs.writeFileString(unfinished, "")
    yield* Effect.promise(async () => {
      const { dataDir } = await import("@electric-sql/pglite-prepopulatedfs")
      await unpack(await dataDir(), folder)
    })
    yield* fs.remove(unfinished)
  }
  return yield* Effect.promise(() => PGlite.create({ dataDir: folder, startParams }))
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
