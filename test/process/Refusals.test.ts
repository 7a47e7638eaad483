import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { closedPort, takenPort } from "./Ports.ts"
import { assertRefusal, TIMEOUT } from "./ServerProcess.ts"

describe("a server that cannot start", TIMEOUT, () => {
  it.live("because its port is taken says so in one line, and frees its data folder", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const { port } = yield* takenPort
      const server = yield* startProcess({ DATA_DIR: dataDir, PORT: String(port) })
      assertRefusal(yield* server.ended, new RegExp(`PORT.*${port}`))
      assert.isFalse(existsSync(join(dataDir, "lock")))
    })
  )

  it.live("because it may not write temporary files says so in one line, and frees its data folder", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const server = yield* startProcess({ DATA_DIR: dataDir, TMPDIR: join(dataDir, "nowhere") })
      assertRefusal(yield* server.ended, /TMPDIR.*ENOENT.*nowhere/)
      assert.isFalse(existsSync(join(dataDir, "lock")))
    })
  )

  it.live("because WEBHOOK_URL has no WEBHOOK_SECRET says so in one line, before it makes a database", () =>
    Effect.gen(function* () {
      const dataDir = join((yield* freshDataDir).dataDir, "none")
      const server = yield* startProcess({
        DATA_DIR: dataDir,
        WEBHOOK_URL: "https://app.example.com/webhooks?key=s3cret"
      })
      assertRefusal(yield* server.ended, /WEBHOOK_URL is set without WEBHOOK_SECRET.*openssl rand -base64 32/)
      assert.isFalse(existsSync(dataDir))
    })
  )

  it.live(
    "because nothing listens where the database should be waits for it, then says so in one line, after a warning of a misspelt setting",
    () =>
      Effect.gen(function* () {
        const port = yield* closedPort
        const server = yield* startProcess({
          DATABASE_URL: `postgresql://chat:s3cret@127.0.0.1:${port}/chat`,
          DATABASE_CONNECT_TIMEOUT: "500 millis",
          JWT_SECERT: "s3cret"
        })
        const ended = yield* server.ended
        assert.include(ended.stdout, "JWT_SECERT is set, and is no setting of Mini Chat")
        assertRefusal(ended, new RegExp(`database.*127\\.0\\.0\\.1:${port}`))
        assert.include(ended.stdout, `127.0.0.1:${port}/chat does not answer`)
        assert.notInclude(ended.stdout, "s3cret")
      })
  )
})
