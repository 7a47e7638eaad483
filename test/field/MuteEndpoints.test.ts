import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Option, Redacted } from "effect"
import { exportJWK } from "jose"
import { Tokens } from "../../src/access/Tokens.ts"
import { AUDIENCE, ISSUER, makeKeys } from "../security/support/Tokens.ts"
import { databaseUrl, freshDatabase, settings } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { until } from "../support/Until.ts"
import { startNode } from "../webhooks/Servers.ts"
import { type Fault, muteServer } from "./support/MuteServer.ts"

const FAULTS = ["answers nothing", "drips"] as const satisfies ReadonlyArray<Fault>

describe.runIf(databaseUrl !== undefined)("a connection that answers nothing any more", () => {
  it.live.each(FAULTS)("to the key endpoint is given up, and keys come over another one: %s", (fault) =>
    Effect.gen(function* () {
      const { mint, publicKey } = yield* makeKeys()
      const keys = JSON.stringify({ keys: [yield* Effect.promise(() => exportJWK(publicKey))] })
      const endpoint = yield* muteServer(fault, (_, response) => response.end(keys))
      const tokens = yield* Layer.build(
        Layer.provide(
          Tokens.layer,
          settings({
            auth: "required",
            jwtJwksUrl: Option.some(endpoint.url),
            jwtIssuer: Option.some(ISSUER),
            jwtAudience: Option.some(AUDIENCE)
          })
        )
      )
      const { verify } = Context.get(tokens, Tokens)
      const token = yield* mint()
      assert.strictEqual((yield* Effect.flip(verify(token)))._tag, "Unavailable")
      yield* verify(token)
      yield* until(Effect.sync(endpoint.isGivenUp))
    })
  )

  it.live.each(FAULTS)(
    "to a receiver of webhooks is given up, and events come over another one: %s",
    (fault) =>
      Effect.gen(function* () {
        const received: Array<string> = []
        const receiver = yield* muteServer(fault, (body, response) => {
          received.push(body)
          response.end()
        })
        const node = yield* startNode([receiver.url], {
          ...(yield* freshDatabase),
          timings: { attempt: Duration.millis(500) }
        })
        const [alice, bob] = [yield* node.newUser, yield* node.newUser]
        yield* node.post(alice, bob, "first")
        yield* until(Effect.sync(receiver.isGivenUp))
        yield* node.post(alice, bob, "second")
        yield* until(Effect.sync(() => received.some((body) => body.includes("second"))))
        yield* until(Effect.map(node.waiting, (count) => count === 0))
      })
  )

  it.live.each(FAULTS)(
    "to the collector of traces is given up, and spans come over another one: %s",
    (fault) =>
      Effect.gen(function* () {
        let received = 0
        const collector = yield* muteServer(fault, (_, response) => {
          received++
          response.writeHead(200, { "content-type": "application/json" }).end("{}")
        })
        const server = yield* startServer({
          ...(yield* freshDatabase),
          otlpEndpoint: Option.some(Redacted.make(collector.url))
        })
        const ask = Effect.promise(() => fetch(`${server.url}/users/`).then((response) => response.text()))
        yield* ask
        yield* until(Effect.sync(collector.isGivenUp))
        yield* ask
        yield* until(Effect.sync(() => received > 0))
      })
  )
})
