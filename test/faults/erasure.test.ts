import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as Deployment from "./support/Deployment.ts"
import { post, request } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import { until } from "./support/Until.ts"

const MESSAGES = 20_000
const STARTED_WITHIN = "10 seconds"

/** The lease of the killed node is over after 10 s; then the other one erases what is left. */
const FINISHED_WITHIN = "90 seconds"

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "180 seconds" })("An erasure", (it) => {
  it.effect("goes on on another node when its node is killed, and tells nothing twice", () =>
    Effect.gen(function* () {
      const { nodes, sql, createUsers } = yield* Deployment.make({ clients: 0 })
      const [first, second] = nodes as [(typeof nodes)[number], (typeof nodes)[number]]
      const [alice, bob] = yield* createUsers(2)
      const sent = yield* post(`${first.url}/messages/`, {
        sender_id: alice,
        receiver_id: bob,
        content: "a secret"
      })
      const { conversation_id } = JSON.parse(sent.body)
      yield* sql`
        INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
        SELECT ${alice}::int, ${bob}::int, ${conversation_id}::bigint, 'a secret', clock_timestamp()
        FROM generate_series(2, ${MESSAGES}::int)`
      const left = Effect.map(
        sql<{ readonly left: number }>`SELECT count(*)::int AS left FROM messages WHERE content <> ''`,
        (rows) => rows[0]!.left
      )
      const order = (url: string) => request(`${url}/users/${alice}`, { method: "DELETE" })

      assert.strictEqual((yield* order(first.url)).status, 202)
      yield* until(
        "a part is erased",
        Effect.map(left, (count) => count < MESSAGES),
        STARTED_WITHIN
      )
      yield* first.signal("SIGKILL")
      assert.isAbove(yield* left, 0)
      assert.strictEqual((yield* order(second.url)).status, 202)
      yield* until(
        "the erasure is finished",
        Effect.map(order(second.url), ({ status }) => status === 204),
        FINISHED_WITHIN
      )

      assert.strictEqual(yield* left, 0)
      const told = yield* sql<{ readonly events: number; readonly messages: number }>`
        SELECT count(*)::int AS events, count(DISTINCT message_id)::int AS messages FROM inbox_events
        WHERE user_id = ${bob}::int AND type = 'message_deleted'`
      assert.deepEqual(told, [{ events: MESSAGES, messages: MESSAGES }])
      const head = yield* sql<{ readonly isWhole: boolean }>`
        SELECT last_seq = (SELECT count(*) FROM inbox_events e WHERE e.user_id = i.user_id) AS "isWhole"
        FROM inboxes i WHERE user_id = ${bob}::int`
      assert.deepEqual(head, [{ isWhole: true }])
    })
  )
})
