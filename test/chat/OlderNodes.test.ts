import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { int4 } from "../../src/database/SqlParameters.ts"
import * as Nodes from "../../src/redis/Nodes.ts"
import { redisClient } from "../presence/Nodes.ts"
import { chatOn } from "../realtime/support/ChatServer.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"

/** A server beside a node of release 1.0. */
const besideOlder = Effect.gen(function* () {
  const redis = yield* freshRedis
  const client = yield* redisClient
  yield* Effect.promise(async () => {
    await client.sadd(Nodes.setOf(redis.redisPrefix), "old")
    await client.set(Nodes.keyOf(redis.redisPrefix, "old"), "up", "PX", Nodes.REMEMBERED)
  })
  return yield* chatOn(yield* startServer({ ...(yield* freshEmbedded), ...redis }))
})

const tests = () =>
  it.live(
    "direct sends go on beside a node of release 1.0, and what it does not know is refused for now",
    () =>
      Effect.gen(function* () {
        const { server, newUser, post, connect } = yield* besideOlder
        const [alice, bob] = [yield* newUser, yield* newUser]
        const { id, conversation_id } = yield* post(alice, bob, "hello")
        const of = { user_id: alice.id }

        const calls: ReadonlyArray<readonly [method: string, path: string, body?: object]> = [
          ["POST", "/conversations/", { ...of, kind: "group", title: "Hiking", member_ids: [bob.id] }],
          ["POST", "/conversations/", { ...of, kind: "direct", with: bob.id }],
          [
            "POST",
            "/messages/",
            { sender_id: alice.id, receiver_id: bob.id, content: "reply", reply_to_id: id }
          ],
          [
            "POST",
            "/messages/",
            { sender_id: alice.id, receiver_id: bob.id, content: "hi", metadata: { a: 1 } }
          ],
          ["PATCH", `/messages/${id}`, { ...of, content: "edited" }],
          ["DELETE", `/messages/${id}?user_id=${alice.id}`],
          ["PUT", `/messages/${id}/reactions/%F0%9F%91%8D?user_id=${bob.id}`],
          ["POST", `/conversations/${conversation_id}/read`, { user_id: bob.id, message_id: id }],
          ["PUT", `/users/${bob.id}/blocks/${alice.id}`],
          ["PATCH", `/users/${alice.id}`, { display_name: "Alice" }]
        ]
        for (const [method, path, body] of calls) {
          const { status, headers, text } = yield* Effect.promise(async () => {
            const response = await fetch(server.url + path, {
              method,
              headers: { "content-type": "application/json" },
              ...(body === undefined ? {} : { body: JSON.stringify(body) })
            })
            return { status: response.status, headers: response.headers, text: await response.text() }
          })
          assert.strictEqual(status, 503, `${method} ${path}: ${text}`)
          assert.isNotNull(headers.get("retry-after"))
          assert.include(text, "upgrade")
        }

        const socket = yield* connect(bob)
        yield* socket.expect("system")
        yield* socket.send({ type: "read", conversation_id, message_id: id })
        assert.include(yield* socket.expect("error"), { code: "unavailable", retry_after_ms: 1000 })
        yield* socket.send({
          type: "send",
          receiver_id: alice.id,
          content: "hi",
          reply_to_id: id,
          client_id: "c1"
        })
        assert.include(yield* socket.expect("error"), { code: "unavailable", client_id: "c1" })
        yield* post(alice, bob, "still here")
        assert.include(yield* socket.expect("message"), { content: "still here" })

        // Each inbox holds what a page of release 1.0 shows, and nothing else.
        const { pipeline: sql } = Context.get(server.services, Database)
        for (const user of [alice, bob]) {
          const rows =
            yield* sql`SELECT e.seq::int AS seq, e.type FROM inbox_events e JOIN messages m ON m.id = e.message_id
          WHERE e.user_id = ${int4(user.id)} ORDER BY e.seq`
          const type = user === alice ? "message_sent" : "message"
          assert.deepEqual(
            rows.map((row) => ({ ...row })),
            [
              { seq: 1, type },
              { seq: 2, type }
            ]
          )
          const [{ head } = { head: 0 }] = yield* sql<{ readonly head: number }>`
          SELECT last_seq::int AS head FROM inboxes WHERE user_id = ${int4(user.id)}`
          assert.strictEqual(head, 2)
        }
      })
  )

describe.runIf(redisUrl !== undefined)("An upgrade from release 1.0", tests)
