import { assert, describe, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { CloseCode } from "../../src/api/CloseCode.ts"
import { Database } from "../../src/database/Database.ts"
import { DisconnectRepo } from "../../src/repo/DisconnectRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { rowsRead } from "./Costs.ts"
import { newUsers, postgresRepos } from "./Repos.ts"

const ORDERS = 12_000

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(postgresRepos, { excludeTestServices: true })(`${ORDERS} orders to disconnect users`, (it) => {
    it.effect("are read as a whole at a start, and each second the latest ones only", () =>
      Effect.gen(function* () {
        const repo = yield* DisconnectRepo
        const { pipeline: sql } = yield* Database
        yield* sql`WITH made AS (
            INSERT INTO users (username, display_name)
            SELECT 'user' || i, 'user' FROM generate_series(1, ${ORDERS}::int) i RETURNING id
          )
          INSERT INTO disconnects (user_id, ordered_at, close_code)
          SELECT id, now() - interval '1 hour', 4403 FROM made`
        const [user] = yield* newUsers(1)
        yield* repo.order(user!.id, CloseCode.forbidden.code, false)

        const all = yield* repo.all
        assert.strictEqual(new Set(all.map(({ userId }) => userId)).size, ORDERS + 1)
        const latest = repo.latest(Duration.seconds(30))
        assert.deepEqual(
          (yield* latest).map(({ userId }) => userId),
          [user!.id]
        )
        assert.isAtMost(yield* rowsRead(sql, "disconnects", latest), 5)
      })
    )
  })
})
