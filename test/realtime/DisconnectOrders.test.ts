import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Disconnects } from "../../src/access/Disconnects.ts"
import { OpenPlaces } from "../../src/access/OpenPlaces.ts"
import { CloseCode, SUSPENDED } from "../../src/api/CloseCode.ts"
import type { Credential } from "../../src/domain/Caller.ts"
import { type Disconnect, ERASED } from "../../src/domain/Disconnect.ts"
import { UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import * as DisconnectOrders from "../../src/realtime/DisconnectOrders.ts"
import { DisconnectRepo } from "../../src/repo/DisconnectRepo.ts"
import { settings } from "../support/Services.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

const [ALICE, BOB] = [UserId.make(1), UserId.make(2)]

const order = (userId: UserId, more: Partial<Disconnect> = {}): Disconnect => ({
  userId,
  orderedAt: 1000,
  age: 0,
  closeCode: CloseCode.forbidden.code,
  tokensNotBefore: undefined,
  isSuspended: false,
  ...more
})

/** A node whose database holds these orders: they may be changed, as another node does. */
const node = Effect.fnUntraced(function* (...before: ReadonlyArray<Disconnect>) {
  const orders = yield* Ref.make(before)
  const repo = Layer.mock(DisconnectRepo, { all: Ref.get(orders), latest: () => Ref.get(orders) })
  const services = yield* Layer.build(
    DisconnectOrders.layer.pipe(
      Layer.provideMerge(ConnectionRegistry.layer),
      Layer.provideMerge(Disconnects.layer),
      Layer.provideMerge(Sessions.layerMemory),
      Layer.provide([OpenPlaces.layer, repo]),
      Layer.provideMerge(Epoch.layerMemory),
      Layer.provide(settings({})),
      Layer.fresh
    )
  )
  const socketOf = Effect.fnUntraced(
    function* (userId: UserId, credential?: Credential) {
      const { register } = yield* ConnectionRegistry
      const fake = yield* fakeConnection({
        protocol: "minichat.v2",
        userId,
        ...(credential && { credential })
      })
      yield* register(fake.connection)
      return fake
    },
    Effect.provide(services),
    Effect.provide(Layer.mock(InboxReader, {}))
  )
  return {
    socketOf,
    tell: (...all: ReadonlyArray<Disconnect>) => Ref.set(orders, all),
    sessions: Context.get(services, Sessions),
    disconnects: Context.get(services, Disconnects),
    epoch: Context.get(services, Epoch)
  }
})

const codesOf = (...sockets: ReadonlyArray<{ readonly webSocket: { readonly closedWith: unknown } }>) =>
  sockets.map(({ webSocket }) => webSocket.closedWith)

const suspended = { code: SUSPENDED.code, reason: SUSPENDED.reason }

it.effect("orders of a history that the database lost hold no more", () =>
  Effect.gen(function* () {
    const before = [
      order(ALICE, { isSuspended: true }),
      order(BOB, { closeCode: ERASED, tokensNotBefore: 9 })
    ]
    const { disconnects, epoch, tell } = yield* node(...before)
    assert.isTrue(disconnects.isSuspended(ALICE))
    assert.isTrue(disconnects.isErased(BOB))

    const carol = UserId.make(3)
    yield* tell(order(carol, { isSuspended: true }))
    epoch.observe("another history")
    yield* TestClock.adjust("1 second")
    assert.isFalse(disconnects.isSuspended(ALICE))
    assert.isFalse(disconnects.isErased(BOB))
    assert.isTrue(disconnects.isSuspended(carol))
  })
)

describe("an order to disconnect", () => {
  it.effect("that suspends a user closes each of its sockets, and no other's", () =>
    Effect.gen(function* () {
      const { socketOf, tell } = yield* node()
      const sockets = [yield* socketOf(ALICE), yield* socketOf(ALICE), yield* socketOf(BOB)]
      yield* tell(order(ALICE, { isSuspended: true }))
      yield* TestClock.adjust("1 second")
      assert.deepEqual(codesOf(...sockets), [suspended, suspended, undefined])
    })
  )

  it.effect("that suspends a user closes a socket whose handshake had passed before it was known", () =>
    Effect.gen(function* () {
      const { socketOf } = yield* node(order(ALICE, { isSuspended: true }))
      assert.deepEqual(codesOf(yield* socketOf(ALICE), yield* socketOf(BOB)), [suspended, undefined])
    })
  )

  it.effect("of a user who is erased closes a socket whose handshake had passed before it was known", () =>
    Effect.gen(function* () {
      const { socketOf } = yield* node(order(ALICE, { closeCode: ERASED }))
      assert.deepInclude(codesOf(yield* socketOf(ALICE))[0], { code: ERASED })
    })
  )

  it.effect(
    "of a user who is erased deletes the time at which that user closed the last socket just before",
    () =>
      Effect.gen(function* () {
        const { sessions, socketOf, tell } = yield* node()
        yield* TestClock.adjust("1 hour")
        yield* Effect.scoped(socketOf(ALICE))
        yield* Effect.scoped(socketOf(BOB))
        yield* tell(order(ALICE, { closeCode: ERASED }))
        yield* TestClock.adjust("1 second")
        assert.isTrue(Option.isNone((yield* sessions.presence(ALICE)).lastSeen))
        assert.isTrue(Option.isSome((yield* sessions.presence(BOB)).lastSeen))
      })
  )

  it.effect("closes the sockets that were open, once, and leaves those that come later", () =>
    Effect.gen(function* () {
      const { socketOf, tell } = yield* node()
      const before = yield* socketOf(ALICE)
      yield* tell(order(ALICE, { closeCode: CloseCode.disconnected.code }))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(before.webSocket.closedWith, { code: CloseCode.disconnected.code })

      const after = yield* socketOf(ALICE)
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(after.webSocket.closedWith)
    })
  )

  it.effect("closes a socket that came later with a token that it took back", () =>
    Effect.gen(function* () {
      const { socketOf, tell } = yield* node()
      const issuedAt = (seconds: number): Credential => ({
        caller: { _tag: "Member", userId: ALICE },
        expiresAt: undefined,
        issuedAt: seconds
      })
      // The order is a minute old when this node reads it: these sockets are younger.
      const [before, after] = [yield* socketOf(ALICE, issuedAt(9)), yield* socketOf(ALICE, issuedAt(11))]
      yield* tell(order(ALICE, { age: 60_000, tokensNotBefore: 10 }))
      yield* TestClock.adjust("1 second")
      const { code, reason } = CloseCode.unauthorized
      assert.deepEqual(codesOf(before, after), [{ code, reason }, undefined])
    })
  )

  it.effect("looks at no socket as long as none of its users has one, nor when it is read again", () =>
    Effect.gen(function* () {
      const { socketOf, tell } = yield* node(order(ALICE, { isSuspended: true }))
      const { connection } = yield* socketOf(BOB)
      let looks = 0
      const { inbox } = connection
      Object.defineProperty(connection, "inbox", {
        get: () => {
          looks++
          return inbox
        }
      })
      yield* TestClock.adjust("30 seconds")
      yield* tell(order(UserId.make(3), { isSuspended: true }))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(looks, 0)
      yield* tell(order(BOB))
      yield* TestClock.adjust("1 second")
      assert.isAbove(looks, 0)
    })
  )
})
