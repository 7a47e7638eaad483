import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Connection } from "../../src/client/Connection.ts"
import * as Typing from "../../src/client/Typing.ts"

const ID = 7

/** The typing of a user, and what was sent of it: when, in milliseconds, and whether it begins. */
const opened = Effect.gen(function* () {
  const sent: Array<readonly [at: number, isTyping: boolean]> = []
  let now = 0
  const sendFrame: Connection["sendFrame"] = (frame) =>
    Effect.sync(() => {
      if (frame.type === "typing") sent.push([now, frame.typing])
    })
  const typing = yield* Typing.make({ sendFrame } as Connection)
  /** In steps, so that what is sent meanwhile has its time. */
  const pass = (millis: number) =>
    Effect.repeat(
      Effect.suspend(() => {
        now += 100
        return TestClock.adjust(100)
      }),
      { times: millis / 100 - 1 }
    )
  return { typing, sent, pass }
})

describe("typing", () => {
  it.effect("is repeated every two seconds while keys come, and ends once", () =>
    Effect.gen(function* () {
      const { typing, sent, pass } = yield* opened
      for (let key = 0; key < 45; key++) {
        yield* typing.update(ID, true)
        yield* pass(100)
      }
      yield* typing.update(ID, false)
      yield* typing.update(ID, false)
      assert.deepEqual(sent, [
        [0, true],
        [2000, true],
        [4000, true],
        [4500, false]
      ])
    })
  )

  it.effect("that begins anew within a second is sent as soon as the server takes it, and once", () =>
    Effect.gen(function* () {
      const { typing, sent, pass } = yield* opened
      yield* typing.update(ID, true)
      yield* pass(200)
      for (let i = 0; i < 2; i++) {
        yield* typing.update(ID, false)
        yield* pass(100)
        yield* typing.update(ID, true)
        yield* typing.update(ID, true)
      }
      yield* pass(5000)
      assert.deepEqual(sent, [
        [0, true],
        [200, false],
        [1100, true]
      ])
    })
  )

  it.effect("that is over before the server takes it anew is not sent", () =>
    Effect.gen(function* () {
      const { typing, sent, pass } = yield* opened
      yield* typing.update(ID, true)
      yield* typing.update(ID, false)
      yield* typing.update(ID, true)
      yield* pass(500)
      yield* typing.update(ID, false)
      yield* pass(5000)
      assert.deepEqual(sent, [
        [0, true],
        [0, false]
      ])
    })
  )

  it.effect("begins anew with the first key after a message, which ended it", () =>
    Effect.gen(function* () {
      const { typing, sent, pass } = yield* opened
      yield* typing.update(ID, true)
      yield* pass(1500)
      typing.sent(ID)
      yield* typing.update(ID, true)
      // Nobody types there.
      typing.sent(ID + 1)
      yield* typing.update(ID + 1, false)
      assert.deepEqual(sent, [
        [0, true],
        [1500, true]
      ])
    })
  )
})
