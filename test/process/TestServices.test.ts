import { execFile } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { checkServices } from "../support/checkServices.ts"
import { databaseUrl, redisUrl } from "../support/Services.ts"
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
