import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { addHeaders } from "../../src/http/AnswerHeaders.ts"

const retryAfter = Effect.fnUntraced(function* (status: number, body: object) {
  const response = HttpServerResponse.jsonUnsafe(body, { status })
  return (yield* addHeaders(response, { requestId: "1", leaving: false })).headers["retry-after"]
})

it.effect("Retry-After of a 429 is the time of its problem, in whole seconds", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* retryAfter(429, { retry_after_ms: 6001 }), "7")
    assert.strictEqual(yield* retryAfter(429, { retry_after_ms: 0 }), "1")
    assert.strictEqual(yield* retryAfter(429, {}), "1")
    assert.isUndefined(yield* retryAfter(200, { retry_after_ms: 6001 }))
  })
)
