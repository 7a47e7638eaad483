import { join } from "node:path"
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Layer, Option } from "effect"
import { inject } from "vitest"
import type { Settings } from "../../src/AppConfig.ts"
import { EmbeddedDatabase, listen, loadPGlite } from "../../src/database/EmbeddedDatabase.ts"
import { copyTemplate } from "./Services.ts"

/**
 * Databases of this worker that run already and hold nothing. Opening one takes a second of a processor, emptying it a
 * twentieth of that, so the servers of one test after the other use the same ones.
 */
const idle: Array<{ readonly dataDir: string; readonly db: PGlite }> = []

const inUse = new Map<string, PGlite>()

let opened = 0

const open = async () => {
  const dataDir = join(inject("embeddedTemplate"), "..", `worker-${process.pid}-${opened++}`)
  await copyTemplate(dataDir)
  const { PGlite } = await loadPGlite()
  return { dataDir, db: await PGlite.create({ dataDir: join(dataDir, "postgres") }) }
}

/** As if nobody had ever used it: the next server makes its tables. */
const empty = async (db: PGlite) => {
  // Apart from the rest, which one call puts into a transaction.
  await db.exec("DISCARD ALL")
  await db.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
}

/** The embedded database, running and empty, for servers in this process until the scope closes. */
export const freshEmbedded = Effect.acquireRelease(
  Effect.promise(async () => {
    const database = idle.pop() ?? (await open())
    inUse.set(database.dataDir, database.db)
    return database
  }),
  ({ dataDir, db }) =>
    Effect.promise(async () => {
      inUse.delete(dataDir)
      await empty(db)
      idle.push({ dataDir, db })
    })
).pipe(Effect.map(({ dataDir }) => ({ dataDir, databaseUrl: Option.none() }) satisfies Partial<Settings>))

/** Has a server whose folder is one of `freshEmbedded` use what runs there. */
export const layer = Layer.effect(
  EmbeddedDatabase,
  Effect.map(EmbeddedDatabase, (start) =>
    Effect.fnUntraced(function* (dataDir: string) {
      const db = inUse.get(dataDir)
      return yield* db === undefined ? start(dataDir) : listen(db)
    })
  )
)
