import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { textArray } from "../../src/database/SqlParameters.ts"
import { lookOf } from "../../src/repo/Looks.ts"
import * as UsernameLooks from "../../src/repo/UsernameLooks.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { embeddedRepos, newUsername, postgresRepos, reposOn } from "./Repos.ts"
import { opened, somebodyWaits } from "./Transactions.ts"

const contract = <E>(name: string, repos: Layer.Layer<Database | UserRepo, E>) =>
  it.live(`users of a former release keep their names, and are not imitated any more: ${name}`, () =>
    Effect.gen(function* () {
      const { pipeline: sql } = yield* Database
      const users = yield* UserRepo
      const rest = newUsername()
      const forms = ["A", "\u0410", "\u0391"].map((letter) => letter + rest)
      // More than one batch, as a node of a former release makes them.
      yield* sql`SELECT id FROM generate_series(1, 600) i, create_user('user' || i, 'user')`
      for (const username of forms) yield* sql`SELECT id FROM create_user(${username}, 'me')`
      const withoutLook = sql<{ readonly count: number }>`SELECT count(*)::int AS count
        FROM users u LEFT JOIN username_looks l ON l.user_id = u.id WHERE l.user_id IS NULL`
      assert.deepEqual(yield* withoutLook, [{ count: 603 }])

      yield* Layer.build(UsernameLooks.layer)
      yield* until(Effect.map(withoutLook, ([row]) => row!.count === 0))

      const error = yield* Effect.flip(users.create(`\u13aa${rest}`, "another"))
      assert.include(error, { _tag: "UsernameTaken", isAlike: true })
      const withoutNames = sql<{ readonly count: number }>`SELECT count(*)::int AS count
        FROM users u LEFT JOIN user_names n ON n.user_id = u.id WHERE n.user_id IS NULL`
      yield* until(Effect.map(withoutNames, ([row]) => row!.count === 0))
      for (const prefix of [`a${rest}`, "ME"]) {
        const [first] = yield* users.search({ prefix, skip: 0, limit: 10 })
        assert.include(first, { username: forms[0]!, display_name: "me" })
      }

      const found = yield* sql<{
        readonly username: string
      }>`SELECT username FROM users ORDER BY id DESC LIMIT 3`
      assert.sameMembers(
        found.map(({ username }) => username),
        forms
      )
    }).pipe(Effect.provide(repos), Effect.scoped)
  )

describe("the looks of usernames", () => {
  contract("embedded database", embeddedRepos)
  describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
    contract("PostgreSQL", postgresRepos)
  )
})

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  it.live("no look is stored of a user whose erasure commits after the user was read", () =>
    Effect.gen(function* () {
      const { pipeline: sql } = yield* Database
      const made = yield* sql<{ readonly id: number }>`
        SELECT u.id FROM unnest(ARRAY['erased', 'other']) n (name), create_user(n.name, n.name) u ORDER BY u.id`
      const [erased, other] = made.map(({ id }) => id)
      const { commit } = yield* opened((sql) => sql`SELECT FROM order_erasure(${erased!}::int)`)
      yield* Layer.build(UsernameLooks.layer)
      yield* somebodyWaits()
      yield* commit

      const looks = sql<{ readonly user_id: number }>`SELECT user_id FROM username_looks`
      yield* until(Effect.map(looks, ({ length }) => length > 0))
      assert.deepEqual(yield* looks, [{ user_id: other! }])
    }).pipe(Effect.provide(postgresRepos), Effect.scoped)
  )
})

describe.runIf(databaseUrl !== undefined)("two users who are made at once on two nodes", () => {
  for (const [what, imitation, isAlike] of [
    ["whose names look alike", "\u0430lices", true],
    ["whose names are one in two forms that look different", "alice\u017f", false]
  ] as const) {
    it.live(`${what} are one: the second finds the first`, () =>
      Effect.gen(function* () {
        const settings = yield* freshDatabase
        const [here, there] = [yield* Layer.build(reposOn(settings)), yield* Layer.build(reposOn(settings))]
        const { sends: sql } = Context.get(here, Database)
        const { skeleton, scripts } = lookOf("alices")
        const isMade = yield* Deferred.make<void>()
        const mayCommit = yield* Deferred.make<void>()
        const first = yield* Effect.forkChild(
          sql`SELECT FROM create_named_user(
            'alices', 'Alice', ${skeleton}, ${textArray(scripts)}, '{alices}', NULL, NULL, NULL
          )`.pipe(
            Effect.andThen(Deferred.succeed(isMade, undefined)),
            Effect.andThen(Deferred.await(mayCommit)),
            sql.withTransaction
          )
        )
        yield* Deferred.await(isMade)
        const second = yield* Effect.forkChild(
          Effect.flip(Context.get(there, UserRepo).create(imitation, "Alice"))
        )
        yield* until(
          Effect.map(
            sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
            (rows) => rows.length > 0
          )
        )
        yield* Deferred.succeed(mayCommit, undefined)
        yield* Fiber.join(first)
        assert.include(yield* Fiber.join(second), { _tag: "UsernameTaken", isAlike })
        assert.lengthOf(yield* sql`SELECT FROM users`, 1)
      })
    )
  }
})
