import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Rest } from "../../verify/Rest.ts"
import type { ChatNode } from "./support/ChatNode.ts"
import * as Deployment from "./support/Deployment.ts"
import { request } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import * as Load from "./support/Load.ts"
import { assertConnected, conclude, deliveriesWithin } from "./support/Outcome.ts"
import { RedisServer } from "./support/RedisServer.ts"
import { scale } from "./support/Scale.ts"
import { until } from "./support/Until.ts"

const HOUR = 3_600_000
/** What delivery may take while Redis is away, with a second until that is noticed. */
const DELIVERED_WITHIN = 2_500

const shiftedNodes = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "minichat-faults-clock-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const file = join(folder, "offset")
  const deployment = yield* Deployment.make({
    env: { CLOCK_OFFSET_FILE: file },
    nodeArguments: ["--import", join(import.meta.dirname, "support/preload/ShiftedClock.ts")]
  })
  const shift = Effect.fnUntraced(function* (node: ChatNode, offset: number) {
    writeFileSync(file, String(offset))
    yield* node.signal("SIGUSR2")
    const isShifted = Effect.map(request(`${node.url}/health`), ({ body }) => {
      const { timestamp } = JSON.parse(body)
      return Math.abs(Date.parse(timestamp) - Date.now() - offset) < 60_000
    })
    yield* until(`the clock of ${node.url} is off by ${offset} ms`, isShifted, "5 seconds")
  })
  return { ...deployment, shift }
})

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("The clock", (it) => {
  it.effect("is set forward on one node and back on another by an hour, then right again", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer
      const rest = yield* Rest
      const deployment = yield* shiftedNodes
      const { clients, nodes, shift, users } = deployment
      const beganAt = performance.now()
      const load = yield* Load.start(deployment)
      yield* load.acknowledged(scale.sendsPerSecond)
      const from = performance.now()

      yield* shift(nodes[0]!, HOUR)
      yield* shift(nodes[1]!, -HOUR)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* redis.freeze
      yield* Effect.sleep("3 seconds")
      yield* redis.thaw
      yield* load.acknowledged(scale.sendsPerSecond)
      const returning = clients.slice(0, 5)
      yield* Effect.forEach(returning, (client) => client.drop)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* shift(nodes[0]!, 0)
      yield* shift(nodes[1]!, 0)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop

      const seen = { ...deployment, load }
      yield* conclude({ ...seen, fault: "clocks set by an hour" })
      const busy = deliveriesWithin(seen, { from: beganAt, to: from }).max
      assert.isAtMost(deliveriesWithin(seen, { from, to: performance.now() }).max, DELIVERED_WITHIN + busy)
      assertConnected(clients.filter((client) => !returning.includes(client)))
      for (const [index, userId] of users.entries()) {
        const presence = yield* rest.presence(nodes[index % nodes.length]!.url, userId)
        assert.deepStrictEqual({ ...presence }, { online: true, connections: 1 }, `user ${userId}`)
      }
    })
  )
})
