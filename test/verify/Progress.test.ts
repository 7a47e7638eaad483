import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Progress from "../../verify/Progress.ts"

const written = (isTTY: boolean) =>
  Effect.gen(function* () {
    let text = ""
    const progress = Progress.to({
      isTTY,
      write: (part) => {
        text += part
      }
    })
    yield* Effect.gen(function* () {
      yield* Progress.forEach("Making users", [1, 2], Effect.succeed, 1)
      yield* Progress.forEach("Sending messages", [1, 2, 3], Effect.succeed, 1)
    }).pipe(Effect.provideService(Progress.Progress, progress))
    progress.clear()
    return text
  })

describe("Progress", () => {
  it.effect("is one line on a terminal, which is empty at the end", () =>
    Effect.gen(function* () {
      const text = yield* written(true)
      assert.notInclude(text, "\n")
      assert.include(text, "\r\x1b[2KSending messages: 3 of 3")
      assert.isTrue(text.endsWith("\r\x1b[2K"))
    })
  )

  it.effect("is a line for each part elsewhere", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* written(false), "Making users: 2\nSending messages: 3\n")
    })
  )
})
