import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Disconnects } from "../../src/access/Disconnects.ts"
import { OpenPlaces } from "../../src/access/OpenPlaces.ts"
import { Reconnect } from "../../src/api/Protocol.ts"
import { Epoch } from "../../src/Epoch.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import { settings } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { chatOn, freshServices } from "./support/ChatServer.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

const registry = ConnectionRegistry.layer.pipe(
  Layer.provide([Sessions.layerMemory, OpenPlaces.layer, Disconnects.layer, Epoch.layerMemory]),
  Layer.provide(settings({})),
  Layer.provideMerge(Layer.mock(InboxReader, {})),
  Layer.fresh
)

const WINDOW = Duration.seconds(10)

const decodeReconnect = Schema.decodeUnknownSync(Schema.fromJsonString(Reconnect))

describe("a drain", () => {
  const registered = Effect.fnUntraced(function* (protocol: string, userId: number) {
    const { register } = yield* ConnectionRegistry
    const fake = yield* fakeConnection({ protocol, userId })
    yield* register(fake.connection)
    return fake
  })

  it.effect("closes every socket with 1012, and sends those of version 2 when to connect again", () =>
    Effect.gen(function* () {
      const { drain } = yield* ConnectionRegistry
      const sockets = yield* Effect.forEach(Array.range(1, 500), (id) =>
        registered(id % 2 === 0 ? "minichat.v2" : "minichat.v1", id)
      )
      const closed = () => sockets.filter(({ webSocket }) => webSocket.closedWith?.code === 1012).length

      const draining = yield* Effect.forkChild(drain(WINDOW))
      yield* TestClock.adjust("1 second")
      assert.isAbove(closed(), 0)
      assert.isBelow(closed(), 500)
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.join(draining)

      assert.strictEqual(closed(), 500)
      for (const { webSocket } of sockets) {
        if (webSocket.protocol === "minichat.v1") assert.isEmpty(webSocket.frames)
        else {
          assert.lengthOf(webSocket.frames, 1)
          assert.isBelow(decodeReconnect(webSocket.frames[0]).after_ms, 1001)
        }
      }
    }).pipe(Effect.provide(registry))
  )

  it.effect("closes a socket whose handshake was under way when it began", () =>
    Effect.gen(function* () {
      const { drain } = yield* ConnectionRegistry
      yield* drain(WINDOW)
      const { webSocket } = yield* registered("minichat.v2", 1)
      assert.strictEqual(webSocket.closedWith?.code, 1012)
    }).pipe(Effect.provide(registry))
  )

  it.live("is what a server does first when it stops", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Effect.flatMap(freshServices, startServer).pipe(Scope.provide(scope))
      const { newUser, connect } = yield* chatOn(server)
      const user = yield* newUser
      const socket = yield* connect(user)
      const original = yield* connect(user, { protocol: null })
      yield* Effect.all([socket.expect("system"), original.expect("system")])

      const stopped = yield* Effect.forkChild(Scope.close(scope, Exit.void))

      yield* socket.expect("reconnect")
      for (const { closed, arrived } of [socket, original]) {
        assert.deepStrictEqual(yield* closed, { code: 1012, reason: "Server restarting" })
        assert.isEmpty(yield* arrived)
      }
      yield* Fiber.join(stopped)
    })
  )

  it.live("refuses new sockets with 503", () =>
    Effect.gen(function* () {
      const server = yield* Effect.flatMap(freshServices, startServer)
      const { newUser, connect } = yield* chatOn(server)
      const user = yield* newUser
      yield* Context.get(server.services, Lifecycle).drain

      const { status, headers } = yield* Effect.flip(connect(user))

      assert.strictEqual(status, 503)
      assert.strictEqual(headers["content-type"], "application/problem+json")
      assert.property(headers, "retry-after")
    })
  )
})
