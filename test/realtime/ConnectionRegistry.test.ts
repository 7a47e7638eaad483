import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Disconnects } from "../../src/access/Disconnects.ts"
import { OpenPlaces } from "../../src/access/OpenPlaces.ts"
import { ERASED } from "../../src/domain/Disconnect.ts"
import { UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import { settings } from "../support/Services.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

const [ALICE, BOB] = [UserId.make(1), UserId.make(2)]

const services = Layer.fresh(
  ConnectionRegistry.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(Disconnects.layer, Sessions.layerMemory)),
    Layer.provide([OpenPlaces.layer, Epoch.layerMemory]),
    Layer.provide(settings({}))
  )
)

it.effect("a user that is erased while it has sockets is not remembered as seen when they close", () =>
  Effect.gen(function* () {
    const node = yield* Layer.build(services)
    const { register } = Context.get(node, ConnectionRegistry)
    const sessions = Context.get(node, Sessions)
    const isRemembered = (userId: UserId) =>
      Effect.map(sessions.presence(userId), ({ lastSeen }) => Option.isSome(lastSeen))
    yield* TestClock.adjust("1 minute")

    yield* Effect.scoped(
      Effect.gen(function* () {
        for (const userId of [ALICE, ALICE, BOB]) {
          const { connection } = yield* fakeConnection({ protocol: "minichat.v2", userId })
          yield* register(connection)
        }
        Context.get(node, Disconnects).learn([
          {
            userId: ALICE,
            orderedAt: 1000,
            age: 0,
            closeCode: ERASED,
            tokensNotBefore: undefined,
            isSuspended: false
          }
        ])
      })
    )

    assert.deepEqual([yield* isRemembered(ALICE), yield* isRemembered(BOB)], [false, true])
  }).pipe(Effect.provide(Layer.mock(InboxReader, {})))
)
