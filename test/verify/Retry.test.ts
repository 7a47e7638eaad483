import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Refused, Unanswered } from "../../verify/Outgoing.ts"
import { onAnyNode } from "../../verify/Retry.ts"

const unanswered = new Unanswered({ reason: "status 503", retryAfterMillis: 0 })

const ask = Effect.fnUntraced(function* (
  ...answers: ReadonlyArray<Effect.Effect<string, Refused | Unanswered>>
) {
  const asked: Array<string> = []
  const call = (url: string) => {
    asked.push(url)
    return answers[Math.min(asked.length, answers.length) - 1]!
  }
  const fiber = yield* Effect.forkChild(Effect.result(onAnyNode(["a", "b", "c"], 1, call)))
  yield* TestClock.adjust("2 minutes")
  const result = yield* Fiber.join(fiber)
  return { asked, result: result._tag === "Success" ? result.success : result.failure._tag }
})

describe("onAnyNode", () => {
  it.effect("asks the next node until one answers", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ask(unanswered, unanswered, Effect.succeed("yes")), {
        asked: ["b", "c", "a"],
        result: "yes"
      })
    })
  )

  it.effect("takes a refusal for an answer", () =>
    Effect.gen(function* () {
      const { asked, result } = yield* ask(new Refused({ code: "404", detail: "User not found" }))
      assert.deepStrictEqual([asked, result], [["b"], "Refused"])
    })
  )

  it.effect("ends when none answers for long", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask(unanswered)).result, "Unanswered")
    })
  )
})
