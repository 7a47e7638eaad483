import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import type { Settings } from "../../src/AppConfig.ts"
import * as Boundary from "../../src/http/Boundary.ts"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { NodeId } from "../../src/presence/NodeId.ts"
import { logging } from "../../src/Start.ts"
import { settings } from "../support/Services.ts"

/** The log of a process with these settings, and a place to keep its lines. */
const loggingTo = (lines: Array<string>, overrides: Partial<Settings>) => {
  const console = { ...globalThis.console, log: (line: string) => void lines.push(line) }
  return logging.pipe(
    Layer.merge(Layer.succeed(Console.Console, console)),
    Layer.provideMerge(settings({ logLevel: "Info", ...overrides }))
  )
}

const log = Effect.fnUntraced(function* (overrides: Partial<Settings>) {
  const lines: Array<string> = []
  yield* Effect.logInfo("all is well").pipe(
    Effect.andThen(Effect.logWarning("almost")),
    Effect.annotateLogs({ request_id: "r1" }),
    Effect.provide(loggingTo(lines, overrides))
  )
  return lines
})

describe("logging", () => {
  it.live("a failure is logged with its cause, under the request id that its caller gets", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const fails = HttpRouter.add("GET", "/fails", Effect.die(new Error("the reason")))
      const { handler } = HttpRouter.toWebHandler(
        Layer.mergeAll(fails, Boundary.layer).pipe(
          Layer.provide([Lifecycle.layer, NodeId.layer]),
          Layer.provideMerge(loggingTo(lines, { logFormat: "json" }))
        ),
        { disableLogger: true }
      )
      const ask = (headers: Record<string, string> = {}) =>
        Effect.promise(async () => {
          const response = await handler(new Request("http://localhost/fails?token=t", { headers }))
          assert.strictEqual(response.status, 500)
          const { request_id } = (await response.json()) as { readonly request_id: string }
          assert.strictEqual(response.headers.get("x-request-id"), request_id)
          return request_id
        })

      const ids = [yield* ask(), yield* ask(), yield* ask({ "x-request-id": "the-callers-own" })]
      assert.strictEqual(new Set(ids).size, 3)
      assert.include(ids, "the-callers-own")
      assert.lengthOf(lines, 3)
      for (const [i, id] of ids.entries()) {
        const entry = JSON.parse(lines[i]!)
        assert.include(entry, { level: "ERROR", message: "GET /fails failed", request_id: id })
        assert.match(entry.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.include(entry.cause, "the reason")
      }
    })
  )

  it.live("each line is one JSON object where no person reads it, or where it is asked for", () =>
    Effect.gen(function* () {
      const lines = yield* log({ logFormat: "json" })
      assert.deepEqual(
        lines.map((line) => ({ ...JSON.parse(line), timestamp: "" })),
        [
          { timestamp: "", level: "INFO", message: "all is well", request_id: "r1" },
          { timestamp: "", level: "WARN", message: "almost", request_id: "r1" }
        ]
      )
      for (const line of yield* log({ logFormat: "pretty" })) assert.throws(() => JSON.parse(line))
    })
  )

  it.live("a level leaves out what is below it", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* log({ logFormat: "json", logLevel: "Warn" }), 1)
      assert.lengthOf(yield* log({ logFormat: "json", logLevel: "None" }), 0)
    })
  )
})
