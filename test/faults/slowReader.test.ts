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
/** Enough to fill what the kernel buffers. */
const STALLING_MEGABYTES = 15
const LOAD_PER_SECOND = 20
/** What delivery to others may take longer while a reader stalls. */
const SLOWER_FOR_OTHERS = 250
const TIMEOUT = Duration.seconds(30)
/** From the end of the time that a reader has, until its socket is gone. */
const CLOSED_LATE_BY = Duration.seconds(10)

const messagesEach = (megabytes: number) =>
  Math.ceil((megabytes * MEGABYTE) / Buffer.byteLength(CONTENT) / FLOOD_SENDERS)

/** What the process holds: the lowest of several readings of its resident set, each after a forced collection. */
const settledBytes = (node: ChatNode) =>
  node.signal("SIGUSR2").pipe(
    Effect.andThen(Effect.sync(node.residentBytes).pipe(Effect.delay("500 millis"))),
    Effect.replicateEffect(5),
    Effect.map((readings) => Math.min(...readings))
  )

/** Comes back from the beginning, and asserts that the whole flood is there, in order; answers how long that took. */
const resumeAll = Effect.fnUntraced(function* (url: string, userId: number, count: number) {
  const client = yield* ChatClient.make({ userId, urls: [url], since: 0 })
  yield* client.live
  const { liveAt, startedAt } = client.visits[0]!
  const inbox = client.inbox()
  assert.deepStrictEqual(tally([], [inbox]).findings, [])
  assert.strictEqual(inbox.received.length, count)
  assert.strictEqual(inbox.received.at(-1)!.event.seq, count)
  return Math.round(liveAt! - startedAt)
})

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })(
  "A reader that stops reading",
  (it) => {
    it.effect("costs no memory and delays nobody", () =>
      Effect.gen(function* () {
        const rest = yield* Rest
        const deployment = yield* Deployment.make({
          nodes: 1,
          clients: 4,
          // Longer than the flood, so that the reader is there when the memory is measured.
          env: { SLOW_READER_TIMEOUT: "5 minutes" },
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
        const each = messagesEach(scale.slowReaderMegabytes)
        const floodTo = (receiverId: number) => flood({ url, senders, receiverId, each, content: CONTENT })
        const load = yield* Load.start(deployment, LOAD_PER_SECOND)

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
        const { connections } = yield* rest.presence(url, stalled)
        const resumedIn = yield* resumeAll(url, stalled, each * FLOOD_SENDERS)
        yield* load.stop

        const seen = { ...deployment, load }
        const calm = deliveriesWithin(seen, { from: calmFrom, to: calmTo })
        const during = deliveriesWithin(seen, { from: stalledAt, to: floodedAt })
        yield* conclude({
          ...seen,
          fault: "reader stalled",
          notes: [
            `${scale.slowReaderMegabytes} MB pushed at it in ${Math.round((floodedAt - stalledAt) / 1_000)} s`,
            `${(before / MEGABYTE).toFixed(1)} MB held, ${(growth / MEGABYTE).toFixed(1)} MB more`,
            `others p99 ${calm.p99} ms without, ${during.p99} ms with`,
            `resumed in ${resumedIn} ms`
          ]
        })
        assert.strictEqual(connections, 1, "the reader was there when the memory was measured")
        assert.isBelow(growth, GROWTH)
        assert.isAtMost(during.p99, calm.p99 + SLOWER_FOR_OTHERS)
      })
    )

    it.effect.skipIf(scale.short)("is closed when its time is up, and resumes", () =>
      Effect.gen(function* () {
        const rest = yield* Rest
        const deployment = yield* Deployment.make({
          nodes: 1,
          clients: 4,
          env: { SLOW_READER_TIMEOUT: `${Duration.toSeconds(TIMEOUT)} seconds` }
        })
        const { url } = deployment.nodes[0]!
        const senders = yield* deployment.createUsers(FLOOD_SENDERS)
        const [stalled] = (yield* deployment.createUsers(1)) as [number]
        const load = yield* Load.start(deployment, LOAD_PER_SECOND)
        const each = messagesEach(STALLING_MEGABYTES)

        yield* StalledReader.open(url, stalled)
        const stalledAt = performance.now()
        yield* flood({ url, senders, receiverId: stalled, each, content: CONTENT })
        yield* until(
          "the stalled socket is closed",
          Effect.map(rest.presence(url, stalled), ({ online }) => !online),
          Duration.sum(TIMEOUT, CLOSED_LATE_BY)
        )
        const closedAfter = performance.now() - stalledAt
        const resumedIn = yield* resumeAll(url, stalled, each * FLOOD_SENDERS)
        yield* load.stop

        yield* conclude({
          ...deployment,
          load,
          fault: "reader closed",
          notes: [`closed after ${(closedAfter / 1_000).toFixed(1)} s`, `resumed in ${resumedIn} ms`]
        })
        assert.isAtLeast(closedAfter, Duration.toMillis(TIMEOUT), "it had its time")
      })
    )
  }
)
