import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { CloseCode } from "../../src/api/CloseCode.ts"
import type { Credential } from "../../src/domain/Caller.ts"
import { UserId } from "../../src/domain/User.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import type { Connection } from "../../src/realtime/Connection.ts"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import { settings } from "../support/Services.ts"

const LEEWAY = 30

/** As much of a connection as the registry looks at. */
const connectionUntil = (expiresAt: number | undefined) => {
  const closed: Array<CloseCode> = []
  const connection: Pick<Connection, "isOpen" | "stalled" | "renew" | "close"> & {
    credential: Credential
    readonly inbox: object
    readonly webSocket: object
  } = {
    inbox: { userId: UserId.make(1) },
    webSocket: { answered: true, ping: () => {}, terminate: () => {} },
    isOpen: true,
    stalled: false,
    credential: { caller: { _tag: "Anyone" }, expiresAt },
    renew: (credential: Credential) => {
      connection.credential = credential
    },
    close: (why: CloseCode) => closed.push(why)
  }
  return { connection: connection as unknown as Connection, isClosed: () => closed.map(({ code }) => code) }
}

const register = Effect.fnUntraced(function* (connection: Connection) {
  const services = yield* Layer.build(
    ConnectionRegistry.layer.pipe(Layer.provide([Sessions.layerMemory, settings({})]))
  )
  yield* Context.get(services, ConnectionRegistry).register(connection)
})

describe("a socket", () => {
  it.effect("is closed with 4001 within five seconds after its token expired and the leeway passed", () =>
    Effect.gen(function* () {
      const { connection, isClosed } = connectionUntil(60)
      yield* register(connection)
      yield* TestClock.adjust(`${60 + LEEWAY} seconds`)
      assert.isEmpty(isClosed())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(isClosed()[0], 4001)
    })
  )

  it.effect("stays open past the expiry of a token that was renewed", () =>
    Effect.gen(function* () {
      const { connection, isClosed } = connectionUntil(60)
      yield* register(connection)
      yield* TestClock.adjust("59 seconds")
      connection.renew({ caller: { _tag: "Anyone" }, expiresAt: 3600 })
      yield* TestClock.adjust(`${3600 + LEEWAY - 59} seconds`)
      assert.isEmpty(isClosed())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(isClosed()[0], 4001)
    })
  )

  it.effect("stays open with a token that does not expire", () =>
    Effect.gen(function* () {
      const { connection, isClosed } = connectionUntil(undefined)
      yield* register(connection)
      yield* TestClock.adjust("1 hour")
      assert.isEmpty(isClosed())
    })
  )
})
