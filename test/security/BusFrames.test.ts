import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { redisClient } from "../presence/Nodes.ts"
import { chatOn, commitUnannounced, hasSharedServices } from "../realtime/support/ChatServer.ts"
import { freshDatabase, freshRedis } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"

const start = Effect.gen(function* () {
  const redis = yield* freshRedis
  const chat = yield* Effect.flatMap(startServer({ ...(yield* freshDatabase), ...redis }), chatOn)
  const client = yield* redisClient
  const epoch = Context.get(chat.server.services, Epoch).current()
  /** Publishes a frame to a user's channel, as anyone who reaches Redis can. */
  const forge = ({ id }: User, seq: number, frame: object, signature = "") =>
    Effect.promise(() =>
      client.publish(
        `${redis.redisPrefix}${epoch}:user:${id}:events`,
        `${seq} ${"type" in frame ? frame.type : "message"} - - ${epoch}${signature}\n${JSON.stringify(frame)}`
      )
    )
  return { ...chat, forge }
})

const forged = (seq: number) => ({ type: "message", seq, message_id: 7, sender_id: 1, content: "forged" })

describe.runIf(hasSharedServices)("a frame that somebody else publishes on Redis", () => {
  it.live("shows nothing, and hides nothing", () =>
    Effect.gen(function* () {
      const { newUser, connect, post, forge } = yield* start
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(bob)
      yield* socket.expect("system")

      for (const signature of ["", ` ${"A".repeat(22)}:10`, ` ${"A".repeat(22)}:99999`]) {
        assert.strictEqual(yield* forge(bob, 1, forged(1), signature), 1)
        yield* forge(bob, 1_000_000, forged(1_000_000), signature)
        yield* forge(bob, 0, { type: "typing", user_id: alice.id, typing: true }, signature)
      }
      yield* post(alice, bob, "genuine")

      // The next frame of any type.
      assert.deepInclude(yield* socket.next, { type: "message", seq: 1, content: "genuine" })
      yield* post(alice, bob, "another")
      assert.deepInclude(yield* socket.next, { type: "message", seq: 2, content: "another" })
    })
  )

  it.live("is looked up, as nodes of an older release do not sign: what is committed arrives by it", () =>
    Effect.gen(function* () {
      const { newUser, connect, forge, server } = yield* start
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(bob)
      yield* socket.expect("system")

      yield* commitUnannounced(server, alice, bob, "of an older node")
      yield* forge(bob, 1, forged(1))

      assert.deepInclude(yield* socket.expect("message"), { seq: 1, content: "of an older node" })
    })
  )
})
