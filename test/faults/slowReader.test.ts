import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as ChatClient from "../../verify/ChatClient.ts"
import { tally } from "../../verify/Ledger.ts"
import { Rest } from "../../verify/Rest.ts"
import type { ChatNode } from "./support/ChatNode.ts"
import * as Deployment from "./support/Deployment.ts"
import { flood } from "./support/Flood.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import * as Load from "./support/Load.ts"
import { conclude, deliveriesWithin } from "./support/Outcome.ts"
import { scale } from "./support/Scale.ts"
import * as StalledReader from "./support/StalledReader.ts"
import { until } from "./support/Until.ts"

const MEGABYTE = 1_000_000
const GROWTH = 10 * MEGABYTE
/** 1000 characters, the most that a message may have, of three bytes each. */
const CONTENT = "話".repeat(1_000)
const FLOOD_SENDERS = 4
const EACH = Math.ceil((scale.slowReaderMegabytes * MEGABYTE) / Buffer.byteLength(CONTENT) / FLOOD_SENDERS)
const COUNT = EACH * FLOOD_SENDERS
/** From the end of the time that a reader has, until its socket is gone. */
const CLOSED_LATE_BY = Duration.seconds(10)
const SLOWER_FOR_OTHERS = 250

/**
 * What the process holds after its garbage is collected. V8 and the allocator give pages back late, so it is the lowest of several
 * readings, each after a forced collection.
 */
const settledBytes = (node: ChatNode) =>
  node.signal("SIGUSR2").pipe(
    Effect.andThen(Effect.sync(node.residentBytes)),
    Effect.delay("300 millis"),
    Effect.replicateEffect(8),
    Effect.map((readings) => Math.min(...readings))
  )

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "60 seconds" })("A reader", (it) => {
  it.effect("stops reading: it costs no memory, delays nobody, is closed and resumes", () =>
    Effect.gen(function* () {
      const rest = yield* Rest
      const deployment = yield* Deployment.make({
        nodes: 1,
        clients: 4,
        env: { SLOW_READER_TIMEOUT: scale.slowReaderTimeout },
        nodeArguments: [
          "--expose-gc",
          "--import",
          join(import.meta.dirname, "support/preload/CollectOnSignal.ts")
        ]
      })
      const node = deployment.nodes[0]!
      const { url } = node
      const senders = yield* deployment.createUsers(FLOOD_SENDERS)
      const [reading, stalled] = (yield* deployment.createUsers(2)) as [number, number]
      const floodTo = (receiverId: number) =>
        flood({ url, senders, receiverId, each: EACH, content: CONTENT })
      const load = yield* Load.start(deployment, 20)

      // The same flood to a reader that reads is what the other is measured against; it also warms the process up.
      const calmFrom = performance.now()
      yield* Effect.scoped(
        Effect.andThen(ChatClient.make({ userId: reading, urls: [url] }), floodTo(reading))
      )
      const calmTo = performance.now()
      const before = yield* settledBytes(node)

      yield* StalledReader.open(url, stalled)
      const stalledAt = performance.now()
      yield* floodTo(stalled)
      const floodedAt = performance.now()
      const growth = (yield* settledBytes(node)) - before
      const stillOpen = (yield* rest.presence(url, stalled)).connections === 1
      yield* until(
        "the stalled socket is closed",
        Effect.map(rest.presence(url, stalled), ({ online }) => !online),
        Duration.sum(Duration.fromInputUnsafe(scale.slowReaderTimeout), CLOSED_LATE_BY)
      )
      const closedAfter = Math.round((performance.now() - stalledAt) / 1_000)

      const returned = yield* ChatClient.make({ userId: stalled, urls: [url], since: 0 })
      yield* returned.live
      const resumed = performance.now()
      yield* load.stop

      const seen = { ...deployment, sends: load.sends }
      const calm = deliveriesWithin(seen, { from: calmFrom, to: calmTo })
      const during = deliveriesWithin(seen, { from: stalledAt, to: floodedAt })
      yield* conclude({
        ...seen,
        fault: "reader stalled",
        notes: [
          `${COUNT} messages of ${Buffer.byteLength(CONTENT)} bytes in ${Math.round((floodedAt - stalledAt) / 1_000)} s`,
          `${(before / MEGABYTE).toFixed(1)} MB held, ${(growth / MEGABYTE).toFixed(1)} MB more`,
          `others: p99 ${calm.p99} ms without, ${during.p99} ms with`,
          `closed after ${closedAfter} s`,
          `resumed in ${Math.round(resumed - returned.visits[0]!.startedAt)} ms`
        ]
      })
      assert.isTrue(stillOpen, "the memory was measured while the reader was there")
      assert.isBelow(growth, GROWTH)
      assert.isAtMost(during.p99, calm.p99 + SLOWER_FOR_OTHERS)
      const inbox = returned.inbox()
      assert.deepStrictEqual(tally([], [inbox]).findings, [])
      assert.strictEqual(inbox.received.length, COUNT)
      assert.strictEqual(inbox.received.at(-1)!.event.seq, COUNT)
    })
  )
})
