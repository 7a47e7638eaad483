import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { UserId } from "../../src/domain/User.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { group } from "./Conversations.ts"
import { rowsRead } from "./Costs.ts"
import { newUsers, postgresRepos } from "./Repos.ts"

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(postgresRepos, { excludeTestServices: true })(
    "a directory of the users of shared conversations",
    (it) => {
      it.effect("looks up who these are once for a page, not for each user or name", () =>
        Effect.gen(function* () {
          const users = yield* UserRepo
          const { pipeline: sql } = yield* Database
          const [me, ...fellows] = yield* newUsers(20)
          yield* group(me!, fellows)
          yield* sql`WITH made AS (
            INSERT INTO users (username, display_name) SELECT 'user' || i, 'user' FROM generate_series(1, 2000) i RETURNING id, username
          )
          INSERT INTO user_names (user_id, name) SELECT id, username FROM made`
          const pages = [
            users.list(0, 50, undefined, me!.id),
            users.list(0, 50, UserId.make(2000), me!.id),
            users.search({ prefix: "user", fellowsOf: me!.id, skip: 0, limit: 50 }),
            users.search({ prefix: "user19", fellowsOf: me!.id, skip: 0, limit: 50 })
          ]
          for (const prepare of [Effect.void, sql`ANALYZE users, user_names`]) {
            yield* prepare
            for (const page of pages) assert.isAtMost(yield* rowsRead(sql, "members", page), 50)
          }
        })
      )
    }
  )
})
