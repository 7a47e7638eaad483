import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { int8 } from "../../src/database/SqlParameters.ts"
import { embeddedRepos, postgresRepos } from "../repo/Repos.ts"
import { databaseUrl } from "../support/Services.ts"

const NUMBERS = [
  0,
  1,
  -1,
  255,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  -(2 ** 32) - 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER
]

const contract = (name: string, on: typeof embeddedRepos | typeof postgresRepos) =>
  layer(on, { excludeTestServices: true })(`numbers of 64 bits: ${name}`, (it) => {
    it.effect.each(NUMBERS)("%d comes back as it was sent", (number) =>
      Effect.gen(function* () {
        const { pipeline: sql } = yield* Database
        const rows = yield* sql`SELECT ${int8(number)} AS number, ${String(number)}::text::int8 AS read`
        assert.deepEqual(rows, [{ number, read: number }])
      })
    )
  })

contract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  contract("PostgreSQL", postgresRepos)
)
