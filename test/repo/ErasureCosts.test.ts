import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { UserId } from "../../src/domain/User.ts"
import { ErasureRepo } from "../../src/repo/ErasureRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { pagesRead } from "./Costs.ts"
import { newUsers, postgresRepos } from "./Repos.ts"

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(postgresRepos, { excludeTestServices: true })("an erasure", (it) => {
    it.effect("looks up the peers of the user by index, not among all conversations", () =>
      Effect.gen(function* () {
        const repo = yield* ErasureRepo
        const { pipeline: sql } = yield* Database
        yield* sql`INSERT INTO users (username, display_name) SELECT 'user' || i, 'user' FROM generate_series(1, 20000) i`
        const [busy, erased] = yield* newUsers(2)
        yield* sql`INSERT INTO conversations (kind, low, high, created_at)
          SELECT 'direct', id, ${busy!.id}::int, now() FROM users WHERE id < ${busy!.id}::int`
        const peers = [1, 2500, 4999].map((id) => UserId.make(id))
        yield* sql`INSERT INTO conversations (kind, low, high, created_at)
          SELECT 'direct', id, ${erased!.id}::int, now() FROM users WHERE id = ANY (${peers}::int[])`

        const ofErased = repo.peers(erased!.id, 0, 100)
        assert.deepEqual(yield* ofErased, peers)
        for (const prepare of [Effect.void, sql`ANALYZE conversations`]) {
          yield* prepare
          assert.isAtMost(yield* pagesRead(sql, ofErased), 15)
        }
      })
    )
  })
})
