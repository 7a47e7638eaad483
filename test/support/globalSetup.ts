import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Exit, FileSystem, Layer, Option, Path, Redacted, Scope } from "effect"
import type { TestProject } from "vitest/node"
import type { Settings } from "../../src/AppConfig.ts"
import { Database } from "../../src/database/Database.ts"
import { CHROMIUM } from "./Chromium.ts"
import { checkServices } from "./checkServices.ts"
import { databaseUrl, emptyDatabase, redisUrl, settings } from "./Services.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** A data folder of the embedded database, migrated and empty, to be copied. */
    embeddedTemplate: string
    /** A migrated and empty database on the PostgreSQL server of the tests, to be copied. */
    databaseTemplate: string | undefined
  }
}

/** Makes the tables of a database. */
const migrate = (database: Partial<Settings>) =>
  Effect.scoped(Layer.build(Layer.provide(Database.layer, settings(database))))

/** Making a database from nothing takes many times as long as copying one, so it is done once for all tests. */
const makeTemplate = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "minichat-template-" })
  const dataDir = path.join(directory, "data")
  yield* migrate({ dataDir })
  return dataDir
}).pipe(Effect.provide(NodeServices.layer))

/** The tests start some hundred server processes: each module is compiled once for all of them. */
const makeCompileCache = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "minichat-compiled-"))),
  // A process that is about to end may still write into it.
  (folder) =>
    Effect.promise(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }))
)

const makeDatabaseTemplate = Effect.gen(function* () {
  const database = yield* emptyDatabase
  yield* migrate(database)
  return new URL(Redacted.value(Option.getOrThrow(database.databaseUrl))).pathname.slice(1)
}).pipe(Effect.provide(NodeServices.layer))

/** Says, before the first test, what this run covers: a part that is left out is never left out in silence. */
const announce = () => {
  const lines = [
    "Embedded database, memory bus: tested",
    databaseUrl === undefined ? "PostgreSQL: not tested (set TEST_DATABASE_URL)" : "PostgreSQL: tested",
    redisUrl === undefined ? "Redis: not tested (set TEST_REDIS_URL)" : "Redis: tested",
    existsSync(CHROMIUM) ? "Docs in a browser: tested" : `Docs in a browser: not tested (no ${CHROMIUM})`
  ]
  console.log(lines.join("\n"))
}

export default async (project: TestProject) => {
  const wrong = await Effect.runPromise(checkServices({ databaseUrl, redisUrl }))
  if (wrong !== undefined) {
    // An error thrown here would be printed with its stack, and every test that needs the server with one of its own.
    console.error(`The tests cannot run. ${wrong}`)
    process.exit(1)
  }
  announce()
  const scope = Scope.makeUnsafe()
  // Workers get the environment of this process, and pass this part of it on to the servers that they start.
  process.env.NODE_COMPILE_CACHE ??= await Effect.runPromise(Scope.provide(makeCompileCache, scope))
  project.provide("embeddedTemplate", await Effect.runPromise(Scope.provide(makeTemplate, scope)))
  if (databaseUrl !== undefined) {
    project.provide("databaseTemplate", await Effect.runPromise(Scope.provide(makeDatabaseTemplate, scope)))
  }
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
