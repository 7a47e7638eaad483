import { execFile } from "node:child_process"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Reactivity } from "effect/reactivity"
import { checkServices } from "../support/checkServices.ts"
import { databaseUrl, emptyDatabase, freshDatabase, redisUrl } from "../support/Services.ts"
import { closedPort } from "./Ports.ts"
import { TIMEOUT } from "./ServerProcess.ts"

const ROOT = join(import.meta.dirname, "../..")

/** `npm test` of one small file, with these servers to test against. */
const runTests = (env: Record<string, string>) =>
  Effect.callback<{ readonly code: number | null; readonly stderr: string }>((resume) => {
    const child = execFile(
      process.execPath,
      ["node_modules/vitest/vitest.mjs", "run", "test/access/Policy.test.ts"],
      { cwd: ROOT, env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env } },
      (_, __, stderr) => resume(Effect.succeed({ code: child.exitCode, stderr }))
    )
  })

describe("the servers to test against", TIMEOUT, () => {
  it.live("stop the run with one line when one cannot be used", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const { code, stderr } = yield* runTests({
        TEST_DATABASE_URL: `postgresql://chat@127.0.0.1:${port}/chat`
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        `The tests cannot run. TEST_DATABASE_URL cannot be used: connect ECONNREFUSED 127.0.0.1:${port}\n`
      )
    })
  )

  it.live("are named with what the network says", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const wrong = yield* checkServices({ databaseUrl: undefined, redisUrl: `redis://127.0.0.1:${port}` })
      assert.strictEqual(wrong, `TEST_REDIS_URL cannot be used: connect ECONNREFUSED 127.0.0.1:${port}`)
    })
  )

  it.live.runIf(databaseUrl !== undefined)("are named with what PostgreSQL says", () =>
    Effect.gen(function* () {
      const url = new URL(databaseUrl!)
      url.username = "nobody_of_this_name"
      const wrong = yield* checkServices({ databaseUrl: url.href, redisUrl: undefined })
      assert.match(wrong!, /^TEST_DATABASE_URL cannot be used: .*nobody_of_this_name/)
    })
  )

  it.live.runIf(redisUrl !== undefined)("are named with what Redis says", () =>
    Effect.gen(function* () {
      const url = new URL(redisUrl!)
      url.pathname = "/123456"
      const wrong = yield* checkServices({ databaseUrl: undefined, redisUrl: url.href })
      assert.match(wrong!, /^TEST_REDIS_URL cannot be used: ERR .*out of range/)
    })
  )
})

describe.runIf(databaseUrl !== undefined)("a PostgreSQL database for a test", () => {
  it.live("has its tables already, no data, and an identity of its own", () =>
    Effect.gen(function* () {
      const identities = yield* Effect.replicateEffect(
        Effect.flatMap(freshDatabase, (settings) => query(settings, IDENTITY_OF_EMPTY)),
        2
      )
      for (const { users } of identities) assert.strictEqual(users, 0)
      assert.notStrictEqual(identities[0]!.id, identities[1]!.id)
      assert.notStrictEqual(identities[0]!.key, identities[1]!.key)
    })
  )

  it.live("is without tables for a test of the migrations", () =>
    Effect.gen(function* () {
      const { users } = yield* query(yield* emptyDatabase, "SELECT to_regclass('users') AS users")
      assert.isNull(users)
    })
  )
})

const IDENTITY_OF_EMPTY = `SELECT (SELECT count(*)::int FROM users) AS users, (SELECT id::text FROM deployment) AS id,
  (SELECT encode(key, 'hex') FROM bus_key) AS key`

const query = Effect.fnUntraced(function* (
  { databaseUrl }: Effect.Success<typeof emptyDatabase>,
  statement: string
) {
  const sql = yield* PgClient.make({ url: Option.getOrThrow(databaseUrl), maxConnections: 1 })
  const rows = yield* sql.unsafe<Readonly<Record<string, unknown>>>(statement)
  return rows[0]!
}, Effect.provide(Reactivity.layer))
