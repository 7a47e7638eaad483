import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { freshCluster, hasRedisServer } from "../support/RedisClusterServers.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { startServer, typedClient } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { until } from "../support/Until.ts"

const USERS = 12

/** How many slots move: all that a third of the cluster has. */
const SLOTS = 5461

/** Two nodes on a cluster of their own, users, and a socket on the second node for each of them. */
const twoNodes = Effect.fnUntraced(function* (overrides: Partial<Settings>) {
  const { settings, moveSlots } = yield* freshCluster
  const shared = { ...(yield* freshDatabase), ...settings, ...overrides }
  const [a, b] = [yield* startServer(shared), yield* startServer(shared)]
  const clients = [yield* typedClient(a), yield* typedClient(b)] as const
  const users = yield* Effect.forEach(Array.from({ length: USERS }), (_, i) =>
    clients[0].users.create({ payload: { username: `user${i}` } })
  )
  // A node serves before it knows the whole cluster: what is asserted is how it is from then on.
  yield* Effect.forEach(clients, (client) =>
    client.system
      .health()
      .pipe(
        Effect.repeat({ until: ({ redis }) => redis === "OK", schedule: Schedule.spaced("50 millis") }),
        Effect.timeout("20 seconds")
      )
  )
  const sockets = yield* Effect.forEach(users, ({ id }) =>
    Effect.tap(openSocket(`${b.webSocketUrl}/ws/${id}`), ({ nextOf }) => nextOf("system"))
  )
  return { clients, users, sockets, moveSlots }
})

describe.runIf(databaseUrl !== undefined && hasRedisServer)("two nodes on a Redis Cluster", () => {
  it.live("deliver, cache and count across its shards", () =>
    Effect.gen(function* () {
      const { clients, users, sockets } = yield* twoNodes({ rateLimits: "on" })
      const [clientOfA] = clients
      for (const [i, receiver] of users.entries()) {
        const sender = users[(i + 1) % USERS]!
        const sent = yield* clientOfA.messages.send({
          payload: { sender_id: sender.id, receiver_id: receiver.id, content: `for ${receiver.username}` }
        })
        assert.isTrue(sent.delivered_via_websocket)
        const frame = yield* sockets[i]!.nextOf("message")
        assert.strictEqual(frame.id, sent.id)

        // What a busy Redis did not take in time is written again with the next beat.
        const presence = clientOfA.users.presence({ params: { user_id: receiver.id } })
        yield* until(Effect.map(presence, ({ connections }) => connections === 1))
        for (const client of clients) {
          const { messages } = yield* client.messages.recent({ params: { user_id: receiver.id } })
          assert.deepStrictEqual(
            messages.map(({ id }) => id),
            [sent.id]
          )
        }
      }
    })
  )

  it.live(
    "lose nothing, and end with the right lists, when slots move from one shard to another",
    () =>
      Effect.gen(function* () {
        const { clients, users, sockets, moveSlots } = yield* twoNodes({})
        const [clientOfA] = clients
        const sent = users.map((): Array<number> => [])
        const sendToEach = Effect.forEach(users, (receiver, i) =>
          Effect.map(
            clientOfA.messages.send({
              payload: {
                sender_id: users[(i + 1) % USERS]!.id,
                receiver_id: receiver.id,
                content: "on the move"
              }
            }),
            ({ id }) => sent[i]!.push(id)
          )
        )
        const readEach = Effect.forEach(users, ({ id }) =>
          Effect.forEach(clients, (client) => client.messages.recent({ params: { user_id: id } }))
        )
        yield* sendToEach
        yield* readEach

        const moving = yield* Effect.forkChild(moveSlots(SLOTS), { startImmediately: true })
        yield* Effect.andThen(sendToEach, readEach).pipe(
          Effect.repeat({ until: () => Effect.sync(() => moving.pollUnsafe() !== undefined) })
        )
        assert.strictEqual(yield* Fiber.join(moving), 0)
        yield* sendToEach

        for (const [i, { id }] of users.entries()) {
          const frames = yield* Effect.replicateEffect(sockets[i]!.nextOf("message"), sent[i]!.length)
          assert.deepStrictEqual(
            frames.map((frame) => frame.id),
            sent[i]
          )
          const newest = sent[i]!.toReversed().slice(0, 50)
          for (const client of clients) {
            const recent = Effect.map(client.messages.recent({ params: { user_id: id } }), ({ messages }) =>
              messages.map(({ id }): number => id)
            )
            yield* until(Effect.map(recent, (ids) => isDeepStrictEqual(ids, newest)))
          }
        }
      }),
    120_000
  )
})
