import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { HttpClient } from "effect/http"
import * as OtlpClient from "../../src/observability/OtlpClient.ts"

it.live("an outage of the collector is logged once, with the setting and the reason", () =>
  Effect.gen(function* () {
    const statuses = [503, 503, 200, 401]
    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((_, response) => response.writeHead(statuses.shift()!).end())
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(String(message)))
    const post = (to: string) => Effect.ignore(HttpClient.post(to))

    yield* Effect.gen(function* () {
      for (const _ of [1, 2, 3, 4]) yield* post(url)
    }).pipe(Effect.provide([OtlpClient.layer, Logger.layer([logger])]))
    yield* post("http://127.0.0.1:1").pipe(Effect.provide([OtlpClient.layer, Logger.layer([logger])]))

    assert.lengthOf(lines, 3)
    for (const [i, reason] of [/status 503$/, /status 401$/, /ECONNREFUSED|bad port/].entries()) {
      assert.match(lines[i]!, reason)
      assert.include(lines[i], "OTEL_EXPORTER_OTLP_ENDPOINT")
    }
  })
)
