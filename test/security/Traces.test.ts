import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { networkFrom } from "../../src/AppConfig.ts"
import { startCollector } from "../observability/Collector.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { request } from "./support/Server.ts"

/** The ids of the traces that a server records of a request that names a trace, and the id of that trace. */
const recorded = Effect.fnUntraced(function* (
  tracesSampled: number,
  flags: "00" | "01",
  { header = "traceparent", proxies = "192.0.2.1" } = {}
) {
  const collector = yield* startCollector
  const traceId = randomBytes(16).toString("hex")
  const spanId = randomBytes(8).toString("hex")
  const values: Record<string, string> = {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    b3: `${traceId}-${spanId}-${flags === "01" ? 1 : 0}`
  }
  yield* Effect.scoped(
    Effect.gen(function* () {
      const { url } = yield* startServer({
        ...(yield* freshEmbedded),
        otlpEndpoint: Option.some(Redacted.make(collector.url)),
        otlpProtocol: "http/json",
        tracesSampled,
        trustedProxies: Option.toArray(networkFrom(proxies))
      })
      yield* request(`${url}/users/1`, { headers: { [header]: values[header]! } })
    })
  )
  const spans = yield* collector.spans
  return { traceId, recorded: [...new Set(spans.map(({ traceId }) => traceId))] }
})

describe("who may decide whether a request is recorded", () => {
  for (const header of ["traceparent", "b3"]) {
    it.live(`a stranger does not have its requests recorded by ${header}`, () =>
      Effect.gen(function* () {
        assert.deepEqual((yield* recorded(0, "01", { header })).recorded, [])
      })
    )

    it.live(`a stranger does not hide its requests by ${header}, which stay in its trace`, () =>
      Effect.gen(function* () {
        const { traceId, recorded: found } = yield* recorded(1, "00", { header })
        assert.deepEqual(found, [traceId])
      })
    )
  }

  it.live("a trusted proxy decides both", () =>
    Effect.gen(function* () {
      const { traceId, recorded: found } = yield* recorded(0, "01", { proxies: "127.0.0.1" })
      assert.deepEqual(found, [traceId])
      assert.deepEqual((yield* recorded(1, "00", { proxies: "127.0.0.1" })).recorded, [])
    })
  )
})
