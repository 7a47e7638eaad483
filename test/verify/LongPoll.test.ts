import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as LongPoll from "../../verify/LongPoll.ts"
import { Unanswered } from "../../verify/Outgoing.ts"
import { Rest } from "../../verify/Rest.ts"

const FIRST = "http://first"
const SECOND = "http://second"

/** How a server treats one poll. */
type Treatment =
  /** Answers with what is there, or as soon as something is. */
  | "answers"
  /** Answers 503, as a node does that drains. */
  | "is draining"
  /** Ends the connection, as a node does that is gone. */
  | "resets"
  /** Answers with what is there, and does not wait: so does a node that begins to drain. */
  | "does not wait"
  /** Waits to the end, and has missed what came. */
  | "is late"
  /** Says that nothing is there, whatever is. */
  | "is blind"

/** Checks the long polls of a server that treats them one after another like this, and all that follow like the last one. */
const check = Effect.fnUntraced(function* (...treatments: ReadonlyArray<Treatment>) {
  const contents: Array<string> = []
  const asked: Array<string> = []
  const pageAfter = (since: number) => {
    const events = contents
      .slice(since)
      .map((content, n) => ({ type: "message", seq: since + n + 1, content }))
    return { events, cursor: since + events.length, recovered: true }
  }
  const empty = (since: number) => ({ events: [], cursor: since, recovered: true })
  const waitsFor = (since: number) =>
    Effect.sleep("10 millis").pipe(Effect.repeat({ while: () => contents.length <= since }))

  const rest = Layer.mock(Rest, {
    send: (_, { clientId, content, receiverId, senderId }) =>
      Effect.sync(() => {
        contents.push(content)
        const addressee = receiverId === undefined ? {} : { receiver_id: receiverId }
        return { id: contents.length, sender_id: senderId, ...addressee, content, clientId }
      }),
    events: (url, _, { since, wait }) =>
      Effect.suspend(() => {
        const treatment = treatments[Math.min(asked.length, treatments.length - 1)]!
        asked.push(url)
        switch (treatment) {
          case "answers":
            return Effect.map(waitsFor(since), () => pageAfter(since))
          case "is draining":
            return new Unanswered({ reason: "status 503", retryAfterMillis: 1_000 })
          case "resets":
            return new Unanswered({ reason: "read ECONNRESET", retryAfterMillis: 0 })
          case "does not wait":
            return Effect.sync(() => pageAfter(since))
          case "is late":
            return contents.length > since
              ? Effect.sync(() => pageAfter(since))
              : Effect.as(Effect.sleep(`${wait!} seconds`), empty(since))
          case "is blind":
            return Effect.as(Effect.sleep("1 second"), empty(since))
        }
      })
  })
  const fiber = yield* LongPoll.check({
    urls: [FIRST, SECOND],
    senderId: 1,
    receiverId: 2,
    since: 0,
    name: "poll"
  }).pipe(Effect.provide(rest), Effect.forkChild)
  for (let second = 0; second < 60; second += 1) yield* TestClock.adjust("1 second")
  const { findings, sends } = yield* Fiber.join(fiber)
  return { asked, findings, sends: sends.length }
})

describe("LongPoll", () => {
  it.effect("finds nothing wrong with a poll that is answered", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* check("answers"), { asked: [FIRST], findings: [], sends: 1 })
    })
  )

  it.effect("repeats a poll that a draining node refuses or cuts, on the next node", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* check("is draining", "resets", "answers"), {
        asked: [FIRST, SECOND, FIRST],
        findings: [],
        sends: 1
      })
    })
  )

  it.effect("repeats a poll that a draining node answers before the message was sent", () =>
    Effect.gen(function* () {
      const { findings, sends } = yield* check("does not wait", "answers")
      assert.deepStrictEqual([findings, sends], [[], 1])
    })
  )

  it.effect("tries again with another message when a poll was late", () =>
    Effect.gen(function* () {
      const { findings, sends } = yield* check("is late", "answers")
      assert.deepStrictEqual([findings, sends], [[], 2])
    })
  )

  it.effect("finds polls that are late each time", () =>
    Effect.gen(function* () {
      const { findings, sends } = yield* check("is late")
      assert.deepStrictEqual(
        [findings, sends],
        [["a long poll ended without a message that came meanwhile, 3 times of 3"], 3]
      )
    })
  )

  it.effect("finds an acknowledged message that a later poll does not show", () =>
    Effect.gen(function* () {
      const { findings } = yield* check("is blind")
      assert.deepStrictEqual(findings, [
        "a long poll: does not show a message that was acknowledged before it"
      ])
    })
  )
})
