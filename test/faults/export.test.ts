import { assert, layer } from "@effect/vitest"
import { Console, Effect } from "effect"
import * as Deployment from "./support/Deployment.ts"
import { post } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import { scale } from "./support/Scale.ts"

const MESSAGES = 100_000
const MEGABYTE = 1024 * 1024

/** What the process may hold more while it exports: garbage that is not collected yet, of an export of ten times as much. */
const GROWTH = 60 * MEGABYTE

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "180 seconds" })("An export", (it) => {
  it.effect.skipIf(scale.short)("of 100,000 messages costs no memory that grows with it", () =>
    Effect.gen(function* () {
      const { nodes, urls, sql, createUsers } = yield* Deployment.make({ nodes: 1, clients: 0 })
      const [alice, bob] = yield* createUsers(2)
      const hello = { sender_id: alice, receiver_id: bob, content: "hello" }
      const { conversation_id } = JSON.parse((yield* post(`${urls[0]}/messages/`, hello)).body)
      yield* sql`
        INSERT INTO messages (sender_id, receiver_id, conversation_id, content, metadata, timestamp)
        SELECT ${alice}::int, ${bob}::int, ${conversation_id}::bigint, 'hello',
          jsonb_build_object('long', repeat('x', 6000)), clock_timestamp()
        FROM generate_series(2, ${MESSAGES}::int)`

      let mostHeld = 0
      const exported = Effect.promise(async (signal) => {
        const response = await fetch(`${urls[0]}/users/${alice}/export`, { signal })
        let bytes = 0
        let end = ""
        for await (const part of response.body!) {
          bytes += part.length
          end = (end + Buffer.from(part.subarray(-200)).toString()).slice(-200)
          mostHeld = Math.max(mostHeld, nodes[0]!.residentBytes())
        }
        return { bytes, end }
      })
      // The first one compiles what the second one runs.
      yield* exported
      const before = nodes[0]!.residentBytes()
      mostHeld = 0
      const { bytes, end } = yield* exported

      const growth = mostHeld - before
      yield* Console.log(
        `Exported ${Math.round(bytes / MEGABYTE)} MiB of ${MESSAGES} messages: the process held ${Math.round(before / MEGABYTE)} MiB before, and at most ${Math.round(mostHeld / MEGABYTE)} MiB meanwhile`
      )
      assert.include(end, `"type":"end","records":${MESSAGES + 2}`)
      assert.isAbove(bytes, 10 * GROWTH * 0.8)
      assert.isBelow(growth, GROWTH)
    })
  )
})
