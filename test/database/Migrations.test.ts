import { readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Database } from "../../src/database/Database.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { newUsername, reposOn } from "../repo/Repos.ts"
import { databaseUrl, emptyDatabase } from "../support/Services.ts"

const migrations = readdirSync(join(import.meta.dirname, "../../migrations")).filter((file) =>
  file.endsWith(".ts")
)

const migrated = ({ pipeline: sql }: Database["Service"]) =>
  Effect.map(
    sql<{ readonly name: string }>`SELECT name FROM effect_sql_migrations ORDER BY migration_id`,
    (rows) => rows.map(({ name }) => name)
  )

const onPostgres = () => {
  it.live("nodes that start at the same moment on an empty database migrate it once, and all serve", () =>
    Effect.gen(function* () {
      const settings = yield* emptyDatabase

      const nodes = yield* Effect.replicateEffect(Layer.build(reposOn(settings)), 4, {
        concurrency: "unbounded"
      })

      assert.lengthOf(yield* migrated(Context.get(nodes[0]!, Database)), migrations.length)
      const made = yield* Context.get(nodes[0]!, UserRepo).create(newUsername(), "made by one")
      for (const node of nodes) assert.deepEqual(yield* Context.get(node, UserRepo).find(made.id), made)
    })
  )

  it.live("a node that starts again finds everything as it was", () =>
    Effect.gen(function* () {
      const settings = yield* emptyDatabase
      const scope = yield* Scope.make()
      const before = yield* Scope.provide(Layer.build(reposOn(settings)), scope)
      const made = yield* Context.get(before, UserRepo).create(newUsername(), "made before")
      yield* Scope.close(scope, Exit.void)

      const after = yield* Layer.build(reposOn(settings))

      assert.lengthOf(yield* migrated(Context.get(after, Database)), migrations.length)
      assert.deepEqual(yield* Context.get(after, UserRepo).find(made.id), made)
    })
  )
}

describe.runIf(databaseUrl !== undefined)("Database on PostgreSQL", onPostgres)
