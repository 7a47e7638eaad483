import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { PGlite } from "@electric-sql/pglite"
import { Effect, Layer, Option } from "effect"
import { inject } from "vitest"
import type { Settings } from "../../src/AppConfig.ts"
import { EmbeddedDatabase, listen, loadPGlite } from "../../src/database/EmbeddedDatabase.ts"
import { copyTemplate, IDENTITY, RENEW_IDENTITY } from "./Services.ts"

interface Pooled {
  readonly dataDir: string
  readonly db: PGlite
  readonly initial: Initial
}

/** What a database holds that was migrated and that no server has used yet. */
interface Initial {
  readonly definitions: string
  /** The rows of each table as JSON; null where there are none. */
  readonly rows: ReadonlyMap<string, string | null>
}

/**
 * Databases of this worker that run already, migrated and without data. Opening one takes half a second of a processor and resetting
 * one a twentieth, so the servers of one test after the other use the same ones. A database whose tables each test made anew would
 * get slower with each: nothing vacuums its catalogs, and after a hundred tests a start took two seconds.
 */
const idle: Array<Pooled> = []

const inUse = new Map<string, PGlite>()

let opened = 0

const open = async (): Promise<Pooled> => {
  const dataDir = join(inject("embeddedTemplate"), "..", `worker-${process.pid}-${opened++}`)
  await copyTemplate(dataDir)
  const { PGlite } = await loadPGlite()
  const db = await PGlite.create({ dataDir: join(dataDir, "postgres") })
  const initial = { definitions: await definitionsOf(db), rows: await rowsOf(db) }
  await db.exec(RENEW_IDENTITY)
  return { dataDir, db, initial }
}

/** The first id that PostgreSQL gives to what a user makes. */
const FIRST_OF_USERS = 16_384

/** Where PostgreSQL keeps the definitions of tables, functions, settings and roles, and statistics for its plans. */
const CATALOGS = [
  ...["pg_proc", "pg_type", "pg_constraint", "pg_trigger", "pg_attrdef", "pg_policy", "pg_rewrite"].map(
    (name) => `${name} WHERE oid >= ${FIRST_OF_USERS}`
  ),
  `pg_attribute WHERE attrelid >= ${FIRST_OF_USERS}`,
  `pg_index WHERE indexrelid >= ${FIRST_OF_USERS}`,
  ...["pg_sequence", "pg_statistic", "pg_namespace", "pg_extension", "pg_authid", "pg_db_role_setting"]
]

/** A checksum that a change of any definition changes. A row of a catalog that is changed gets another place and transaction. */
const definitionsOf = async (db: PGlite) => {
  const versions = CATALOGS.map(
    (from) => `SELECT concat_ws(' ', tableoid, ctid, xmin) AS version FROM ${from}`
  )
  // TRUNCATE changes the row of a table here.
  const relations = `SELECT concat_ws(' ', oid, relname, relnamespace, relacl, reloptions, relrowsecurity)
    FROM pg_class WHERE oid >= ${FIRST_OF_USERS}`
  const { rows } = await db.query<{ readonly checksum: string }>(
    `SELECT md5(string_agg(version, ',' ORDER BY version)) AS checksum
     FROM (${[...versions, relations].join(" UNION ALL ")}) AS versions`
  )
  return rows[0]!.checksum
}

const rowsOf = async (db: PGlite) => {
  const tables = await db.query<{ readonly name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL ($1)`,
    [IDENTITY]
  )
  const { rows } = await db.query<{ readonly name: string; readonly rows: string | null }>(
    tables.rows
      .map(({ name }) => `SELECT '${name}' AS name, (SELECT json_agg(t)::text FROM ${name} t) AS rows`)
      .join(" UNION ALL ")
  )
  return new Map(rows.map(({ name, rows }) => [name, rows]))
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** The tables whose rows are not those of the beginning. */
const changedTables = async (db: PGlite, initial: Initial) => {
  const changed = [...initial.rows].map(([name, rows]) =>
    rows === null
      ? `SELECT '${name}' AS name WHERE EXISTS (SELECT FROM ${name})`
      : `SELECT '${name}' AS name WHERE (SELECT json_agg(t)::text FROM ${name} t) IS DISTINCT FROM ${literal(rows)}`
  )
  const { rows } = await db.query<{ readonly name: string }>(changed.join(" UNION ALL "))
  return rows.map(({ name }) => name)
}

/** As if no server had ever used it. False when more than rows changed: then it is not to be used again. */
const reset = async ({ db, initial }: Pooled) => {
  // Apart from the rest, which one call puts into a transaction.
  await db.exec("DISCARD ALL")
  if ((await definitionsOf(db)) !== initial.definitions) return false
  const changed = await changedTables(db, initial)
  const statements = [
    ...(changed.length === 0 ? [] : [`TRUNCATE ${changed.join(", ")} CASCADE`]),
    ...changed.flatMap((name) => {
      const rows = initial.rows.get(name)
      return rows == null
        ? []
        : [
            `INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${name}, ${literal(rows)})`
          ]
    }),
    "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence",
    RENEW_IDENTITY
  ]
  await db.exec(statements.join(";"))
  return true
}

/** The embedded database, running, migrated and without data, for servers in this process until the scope closes. */
export const freshEmbedded = Effect.acquireRelease(
  Effect.promise(async () => {
    const database = idle.pop() ?? (await open())
    inUse.set(database.dataDir, database.db)
    return database
  }),
  (database) =>
    Effect.promise(async () => {
      inUse.delete(database.dataDir)
      if (await reset(database)) {
        idle.push(database)
        return
      }
      await database.db.close()
      await rm(database.dataDir, { recursive: true })
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
