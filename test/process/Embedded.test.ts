import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { emptyDataDir, freshDataDir } from "../support/Services.ts"
import { assertRefusal, call, send, startProcess, TIMEOUT, twoUsers } from "./ServerProcess.ts"

describe("an embedded server", TIMEOUT, () => {
  it.live("starts without any setting, says what it is, has its folder to itself, and ends with 0", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* emptyDataDir
      const server = yield* startProcess({ DATA_DIR: dataDir })
      const url = yield* server.listening
      const second = yield* startProcess({ DATA_DIR: dataDir })
      const refusal = yield* second.ended
      const health = yield* call(url, "/health")
      yield* twoUsers(url)

      yield* server.signal("SIGTERM")
      const { code, stdout, stderr } = yield* server.ended

      assertRefusal(refusal, /DATA_DIR/)
      assert.include(refusal.stderr, dataDir)
      assert.deepInclude(health, { status: "OK", database: "OK (embedded)", redis: "OK (embedded)" })
      assert.include(stdout, `Database: embedded, its data in ${dataDir}`)
      assert.include(stdout, "Bus, cache and sessions: embedded")
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.deepEqual([code, stderr], [0, ""])
    })
  )

  it.live("has its data after a restart, and after it was killed", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* freshDataDir
      const start = startProcess({ DATA_DIR: dataDir })
      const first = yield* start
      const firstUrl = yield* first.listening
      const { alice, bob } = yield* twoUsers(firstUrl)
      const sent = [yield* send(firstUrl, alice, bob, "before the restart")]
      yield* first.signal("SIGINT")
      assert.strictEqual((yield* first.ended).code, 0)

      const second = yield* start
      const secondUrl = yield* second.listening
      sent.unshift(yield* send(secondUrl, alice, bob, "before the kill"))
      yield* second.signal("SIGKILL")
      yield* second.ended
      assert.isTrue(existsSync(join(dataDir, "lock")))

      const third = yield* start
      const thirdUrl = yield* third.listening
      const history: ReadonlyArray<{ id: number; content: string }> = yield* call(
        thirdUrl,
        `/messages/?user_id=${bob.id}`
      )
      assert.deepEqual(
        history.map(({ id, content }) => [id, content]),
        sent.map(({ id, content }) => [id, content])
      )
      const { events } = yield* call(thirdUrl, `/users/${bob.id}/events?since=0`)
      assert.lengthOf(events, 2)
      assert.isAbove((yield* send(thirdUrl, alice, bob, "after the kill")).id, sent[0].id)
    })
  )
})
