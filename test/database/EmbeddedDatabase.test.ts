import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Database } from "../../src/database/Database.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { newUsername, reposOn } from "../repo/Repos.ts"
import { emptyDataDir, freshDataDir } from "../support/Services.ts"

it.live(
  "the embedded database refuses a second user of its folder, and is found again",
  () =>
    Effect.gen(function* () {
      const settings = yield* freshDataDir
      const start = Layer.build(reposOn(settings))
      const scope = yield* Scope.make()

      const first = yield* Scope.provide(start, scope)
      assert.include(Context.get(first, Database), { mode: "embedded", location: settings.dataDir })
      const made = yield* Context.get(first, UserRepo).create(newUsername(), "made before")
      const error = yield* Effect.flip(start)
      assert.strictEqual(error._tag, "DataDirLocked")
      yield* Scope.close(scope, Exit.void)

      const second = yield* start
      assert.deepEqual(yield* Context.get(second, UserRepo).find(made.id), made)
    }),
  120_000
)

it.live(
  "the embedded database is made anew where a start died while it made it",
  () =>
    Effect.gen(function* () {
      const settings = yield* emptyDataDir
      mkdirSync(join(settings.dataDir, "postgres"), { recursive: true })
      writeFileSync(join(settings.dataDir, "postgres", "PG_VERSION"), "1")
      writeFileSync(join(settings.dataDir, "postgres.unfinished"), "")
      const repos = yield* Layer.build(reposOn(settings))
      assert.isAbove((yield* Context.get(repos, UserRepo).create(newUsername(), "first")).id, 0)
    }),
  120_000
)
