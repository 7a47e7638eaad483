import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Database } from "../../src/repo/Database.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { freshDataDir } from "../support/Services.ts"
import { newUsername, reposOn } from "./Repos.ts"

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
