import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { promisify } from "node:util"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, Option, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { Redis as IORedis } from "ioredis"
import { inject } from "vitest"
import { AppConfig, type Settings } from "../../src/AppConfig.ts"

/** The PostgreSQL server to test against; a test that needs one runs only when it is set. */
export const databaseUrl = process.env.TEST_DATABASE_URL

/** The Redis server to test against; a test that needs one runs only when it is set. */
export const redisUrl = process.env.TEST_REDIS_URL

const uniqueName = () => `minichat_test_${randomBytes(6).toString("hex")}`

const execute = (url: string, statement: string) =>
  Effect.scoped(
    Effect.flatMap(PgClient.make({ url: Redacted.make(url), maxConnections: 1 }), (sql) =>
      sql.unsafe(statement)
    )
  ).pipe(Effect.provide(Reactivity.layer), Effect.orDie)

const admin = (statement: string) => execute(databaseUrl!, statement)

/** Tables of a row each that every deployment draws for itself when it is migrated. */
export const IDENTITY = ["deployment", "bus_key"]

/** Gives a copy of a migrated database an identity of its own. */
export const RENEW_IDENTITY = `DO $$ BEGIN
  ${IDENTITY.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} DEFAULT VALUES;`).join(" ")}
END $$`

/** A PostgreSQL database of the scope's own, dropped with it. It has its tables already where the run made a template. */
export const freshDatabase = Effect.suspend(() => {
  const template = inject("databaseTemplate")
  return template === undefined ? emptyDatabase : copyOf(template)
})

const copyOf = Effect.fnUntraced(function* (template: string) {
  const settings = yield* databaseWith(`TEMPLATE ${template}`)
  yield* execute(Redacted.value(Option.getOrThrow(settings.databaseUrl)), RENEW_IDENTITY)
  return settings
})

/** The same with nothing in it: the first server on it makes the tables. */
export const emptyDatabase = Effect.suspend(() => databaseWith(""))

const settingsOf = (name: string) => {
  const url = new URL(databaseUrl!)
  url.pathname = `/${name}`
  return { databaseUrl: Option.some(Redacted.make(url.href)) } satisfies Partial<Settings>
}

/** A user of the scope's own who has no rights. */
export const freshUser = Effect.gen(function* () {
  const name = uniqueName()
  yield* Effect.acquireRelease(admin(`CREATE ROLE ${name} LOGIN`), () => admin(`DROP ROLE ${name}`))
  return name
})

/** A database of the scope's own that was made in another way than the default. */
export const databaseWith = (options: string, prepare: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    if (databaseUrl === undefined) return yield* Effect.die("TEST_DATABASE_URL is not set")
    const name = uniqueName()
    yield* Effect.acquireRelease(admin(`CREATE DATABASE ${name} ${options}`), () =>
      admin(`DROP DATABASE ${name} WITH (FORCE)`)
    )
    for (const statement of prepare) yield* admin(statement.replaceAll("$name", name))
    return settingsOf(name)
  })

/** A database whose state can be kept, and taken back to, while no server uses it. Dropped with the scope. */
export const restorableDatabase = Effect.gen(function* () {
  const [name, backup] = [uniqueName(), uniqueName()]
  const drop = (which: string) => admin(`DROP DATABASE IF EXISTS ${which} WITH (FORCE)`)
  yield* Effect.acquireRelease(admin(`CREATE DATABASE ${name}`), () =>
    Effect.andThen(drop(name), drop(backup))
  )
  return {
    settings: settingsOf(name),
    backUp: admin(`CREATE DATABASE ${backup} TEMPLATE ${name}`),
    restore: Effect.andThen(drop(name), admin(`CREATE DATABASE ${name} TEMPLATE ${backup}`))
  }
})

const temporaryDirectory = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.makeTempDirectoryScoped({ prefix: "minichat-test-" })
})

/** Makes a data folder with an embedded database that has its tables already. */
export const copyTemplate = (dataDir: string) =>
  // The command copies its thousand files several times as fast as Node.
  promisify(execFile)("cp", ["-R", inject("embeddedTemplate"), dataDir])

/** A folder of the scope's own for an embedded database, removed with it. The database has its tables already. */
export const freshDataDir = Effect.gen(function* () {
  const dataDir = join(yield* temporaryDirectory, "data")
  yield* Effect.promise(() => copyTemplate(dataDir))
  return { dataDir, databaseUrl: Option.none() } satisfies Partial<Settings>
}).pipe(Effect.provide(NodeFileSystem.layer), Effect.orDie)

/** The same with nothing in it: the start makes the database. That takes seconds. */
export const emptyDataDir = Effect.gen(function* () {
  const dataDir = join(yield* temporaryDirectory, "data")
  return { dataDir, databaseUrl: Option.none() } satisfies Partial<Settings>
}).pipe(Effect.provide(NodeFileSystem.layer), Effect.orDie)

/**
 * Redis under a key prefix of the caller's own, whose keys go with the scope. Servers of one test that share the
 * settings share the keys.
 */
export const freshRedis = Effect.gen(function* () {
  if (redisUrl === undefined) return yield* Effect.die("TEST_REDIS_URL is not set")
  const url = redisUrl
  const redisPrefix = `${uniqueName()}:`
  const removeKeys = Effect.promise(async () => {
    const client = new IORedis(url)
    for await (const keys of client.scanStream({ match: `${redisPrefix}*`, count: 1000 })) {
      if (keys.length > 0) await client.del(keys)
    }
    client.disconnect()
  })
  yield* Effect.addFinalizer(() => removeKeys)
  return { redisUrl: Option.some(Redacted.make(url)), redisPrefix } satisfies Partial<Settings>
})

/** The settings of a test: the defaults, nothing from the environment but what is given here. */
export const settings = (overrides: Partial<Settings>) =>
  AppConfig.layerWith({
    port: 0,
    logLevel: "None",
    databaseUrl: Option.none(),
    redisUrl: Option.none(),
    ...overrides
  })
