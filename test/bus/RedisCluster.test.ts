import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { freshCluster, hasRedisServer } from "../support/RedisClusterServers.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { startServer, typedClient } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { until } from "../support/Until.ts"

const USERS = 12

describe.runIf(databaseUrl !== undefined && hasRedisServer)("two nodes on a Redis Cluster", () => {
  it.live("deliver, cache and count across its shards", () =>
    Effect.gen(function* () {
      const settings = { ...(yield* freshDatabase), ...(yield* freshCluster), rateLimits: "on" as const }
      const [a, b] = [yield* startServer(settings), yield* startServer(settings)]
      const clientOfA = yield* typedClient(a)
      const clientOfB = yield* typedClient(b)
      const users = yield* Effect.forEach(Array.from({ length: USERS }), (_, i) =>
        clientOfA.users.create({ payload: { username: `user${i}` } })
      )
      // A node serves before it knows the whole cluster: what is asserted is how it is from then on.
      yield* Effect.forEach([clientOfA, clientOfB], (client) =>
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
        for (const client of [clientOfA, clientOfB]) {
          const { messages } = yield* client.messages.recent({ params: { user_id: receiver.id } })
          assert.deepStrictEqual(
            messages.map(({ id }) => id),
            [sent.id]
          )
        }
      }
    })
  )
})
