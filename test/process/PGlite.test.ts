import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, emptyDataDir, freshDatabase, freshDataDir } from "../support/Services.ts"
import { TIMEOUT } from "./ServerProcess.ts"

/** The modules of PGlite that a server has loaded by the time that it listens. */
const loadedBy = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const file = join(dirname((yield* emptyDataDir).dataDir), "modules")
  writeFileSync(file, "")
  const preload = pathToFileURL(join(import.meta.dirname, "RecordPGlite.ts"))
  const server = yield* startProcess({
    ...settings,
    PGLITE_MODULES: file,
    NODE_OPTIONS: `--import=${preload}`
  })
  yield* server.listening
  return readFileSync(file, "utf8")
})

describe("PGlite is loaded where it runs, and only there", TIMEOUT, () => {
  it.live("by a server with an embedded database", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      assert.match(yield* loadedBy({ DATA_DIR: dataDir }), /pglite/)
    })
  )

  it.live.runIf(databaseUrl !== undefined)("not by a server with a PostgreSQL of its own", () =>
    Effect.gen(function* () {
      const { databaseUrl } = yield* freshDatabase
      const url = Redacted.value(Option.getOrThrow(databaseUrl))
      assert.strictEqual(yield* loadedBy({ DATABASE_URL: url }), "")
    })
  )
})
