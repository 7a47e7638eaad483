import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import * as UsernameLooks from "../../src/repo/UsernameLooks.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { embeddedRepos, newUsername, postgresRepos } from "./Repos.ts"

const contract = <E>(name: string, repos: Layer.Layer<Database | UserRepo, E>) =>
  it.live(`users of a former release keep their names, and are not imitated any more: ${name}`, () =>
    Effect.gen(function* () {
      const { pipeline: sql } = yield* Database
      const users = yield* UserRepo
      const rest = newUsername()
      const forms = ["A", "\u0410", "\u0391"].map((letter) => letter + rest)
      // More than one batch, as a node of a former release makes them.
      yield* sql`SELECT id FROM generate_series(1, 1200) i, create_user('user' || i, 'user')`
      for (const username of forms) yield* sql`SELECT id FROM create_user(${username}, 'me')`
      const withoutLook = sql<{ readonly count: number }>`SELECT count(*)::int AS count
        FROM users u LEFT JOIN username_looks l ON l.user_id = u.id WHERE l.user_id IS NULL`
      assert.deepEqual(yield* withoutLook, [{ count: 1203 }])

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
