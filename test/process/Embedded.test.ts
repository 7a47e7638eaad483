import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { emptyDataDir } from "../support/Services.ts"
import { assertRefusal, call, send, TIMEOUT, twoUsers } from "./ServerProcess.ts"

/** What docs/CONFIGURATION.md promises of the embedded mode at rest, in bytes. */
const MOST_MEMORY = 500 * 1024 * 1024

describe("an embedded server", TIMEOUT, () => {
  // One story: each start of a process takes seconds.
  it.live("starts without any setting, has its folder to itself, and keeps its data however it ends", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* emptyDataDir
      const start = startProcess({ DATA_DIR: dataDir })
      const first = yield* start
      const firstUrl = yield* first.listening
      const refusal = yield* (yield* start).ended
      assertRefusal(refusal, /DATA_DIR/)
      assert.include(refusal.stderr, dataDir)
      assert.match(firstUrl, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.deepInclude(yield* call(firstUrl, "/health"), {
        status: "OK",
        database: "OK (embedded)",
        redis: "OK (embedded)"
      })
      const { alice, bob } = yield* twoUsers(firstUrl)
      const sent = [yield* send(firstUrl, alice, bob, "before the restart")]
      yield* Effect.promise(() => fetch(`${firstUrl}/docs`).then((response) => response.text()))
      assert.isBelow(first.peakBytes(), MOST_MEMORY)
      yield* first.signal("SIGTERM")
      const { code, stdout, stderr } = yield* first.ended
      assert.deepEqual([code, stderr], [0, ""])
      assert.include(stdout, `Database: embedded, its data in ${dataDir}`)
      assert.include(stdout, "Bus, cache and sessions: embedded")

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
      assert.isBelow(third.peakBytes(), MOST_MEMORY)
      assert.isAbove((yield* send(thirdUrl, alice, bob, "after the kill")).id, sent[0].id)
    })
  )
})
