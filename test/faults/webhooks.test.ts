import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startReceiver } from "../webhooks/Receiver.ts"
import { SECRET } from "../webhooks/Servers.ts"
import * as Deployment from "./support/Deployment.ts"
import { post } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import { RedisServer } from "./support/RedisServer.ts"
import { scale } from "./support/Scale.ts"
import { until } from "./support/Until.ts"

const CONVERSATIONS = 5
const MESSAGES = 20

/** How many deliveries are awaited before a fault, and between two. */
const SOME = 10
const KILLS = 3

/** A send of a node that a fault hit is repeated, to the other one. */
const sendAgain = (urls: ReadonlyArray<string>, body: object) =>
  Effect.gen(function* () {
    for (let attempt = 0; ; attempt++) {
      const answer = yield* Effect.exit(post(`${urls[attempt % urls.length]}/messages/`, body))
      if (answer._tag === "Success" && answer.value.status === 200) {
        return JSON.parse(answer.value.body).id as number
      }
      yield* Effect.sleep("100 millis")
    }
  })

/** Nodes that post to a receiver through a proxy. Sends go on from their start until `finish`, which asserts what came of all. */
const sending = Effect.fnUntraced(function* (nodeCount: number) {
  const receiver = yield* startReceiver
  const proxy = yield* tcpProxy(new URL(receiver.url))
  const deployment = yield* Deployment.make({
    nodes: nodeCount,
    clients: 0,
    env: { WEBHOOK_URL: proxy.url.href, WEBHOOK_SECRET: SECRET }
  })
  const { sql, urls } = deployment
  const [alice, ...others] = yield* deployment.createUsers(1 + CONVERSATIONS)
  const sends = yield* Effect.forkScoped(
    Effect.forEach(
      others,
      (other, conversation) =>
        Effect.forEach(Array.from({ length: MESSAGES }), (_, i) =>
          Effect.delay(
            sendAgain(urls, {
              sender_id: alice,
              receiver_id: other,
              content: `${i}`,
              client_id: `${conversation}-${i}`
            }),
            "50 millis"
          )
        ),
      { concurrency: "unbounded" }
    )
  )

  /** Waits until so many more deliveries came. */
  const delivered = (more: number) =>
    Effect.suspend(() => {
      const enough = receiver.received.length + more
      return until(
        `${more} more are delivered`,
        Effect.sync(() => receiver.received.length >= enough),
        "60 seconds"
      )
    })

  const finish = Effect.gen(function* () {
    const sent = yield* Fiber.join(sends)
    // As if the leases of killed nodes, and the waits before another attempt, had run out.
    const hurry = sql`UPDATE webhook_events SET due_at = clock_timestamp() WHERE attempts > 0 AND due_at <> 'infinity'`
    yield* until(
      "all are delivered",
      Effect.map(Effect.andThen(hurry, sql`SELECT FROM webhook_events LIMIT 1`), (rows) => rows.length === 0),
      "60 seconds"
    )
    assert.deepEqual(yield* sql`SELECT * FROM webhook_dead_letters`, [])
    const told = receiver.of("message.created").map(({ event }) => event.data.message)
    for (const [i, other] of others.entries()) {
      const ids = told.flatMap(({ receiver_id, id }) => (receiver_id === other ? [id as number] : []))
      assert.deepEqual([...new Set(ids)], sent[i], `each to user ${other}, in order`)
    }
  })
  return { ...deployment, receiver, proxy, delivered, finish }
})

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })(
  "Webhooks are delivered at least once and in order",
  (it) => {
    it.effect("when the only node is killed in the middle of attempts, and another is started", () =>
      Effect.gen(function* () {
        const { nodes, receiver, delivered, finish, startNode } = yield* sending(1)
        yield* delivered(SOME)
        receiver.respond = () => {}
        yield* delivered(CONVERSATIONS)
        yield* nodes[0]!.signal("SIGKILL")
        yield* nodes[0]!.ended
        receiver.respond = (_, response) => response.writeHead(204).end()
        yield* startNode(Number(new URL(nodes[0]!.url).port))
        yield* finish
      })
    )

    it.effect.skipIf(scale.short)("when the connections to PostgreSQL are killed", () =>
      Effect.gen(function* () {
        const { sql, delivered, finish } = yield* sending(2)
        for (let kill = 0; kill < KILLS; kill++) {
          yield* delivered(SOME)
          yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'minichat'`
        }
        yield* finish
      })
    )

    it.effect.skipIf(scale.short)("when Redis is killed, and who is offline is known no longer", () =>
      Effect.gen(function* () {
        const redis = yield* RedisServer
        const { receiver, delivered, finish } = yield* sending(2)
        yield* delivered(SOME)
        yield* redis.kill
        yield* until(
          "an event says that presence is not known",
          Effect.sync(() => receiver.received.some(({ event }) => event.data.presence_known === false)),
          "60 seconds"
        )
        yield* redis.start
        yield* finish
      })
    )

    it.effect.skipIf(scale.short)("when the receiver refuses connections for a while", () =>
      Effect.gen(function* () {
        const { sql, proxy, delivered, finish } = yield* sending(2)
        yield* delivered(SOME)
        yield* proxy.cut
        yield* until(
          "events of each conversation have failed",
          Effect.map(
            sql`SELECT DISTINCT lane FROM webhook_events WHERE attempts > 0`,
            (lanes) => lanes.length >= CONVERSATIONS
          ),
          "60 seconds"
        )
        yield* proxy.restore
        yield* finish
      })
    )
  }
)
