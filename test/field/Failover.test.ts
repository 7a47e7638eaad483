import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Rest } from "../../verify/Rest.ts"
import * as Deployment from "../faults/support/Deployment.ts"
import { post } from "../faults/support/Http.ts"
import * as Load from "../faults/support/Load.ts"
import { assertConnected, conclude } from "../faults/support/Outcome.ts"
import { PostgresServer } from "../faults/support/PostgresServer.ts"
import { RedisServer } from "../faults/support/RedisServer.ts"
import { scale } from "../faults/support/Scale.ts"
import { until } from "../faults/support/Until.ts"
import * as Replicated from "./support/Replicated.ts"

const HEALED_WITHIN = "10 seconds"

const services = Layer.merge(
  RedisServer.layer,
  Rest.layer(Option.none()).pipe(Layer.provide(NodeHttpClient.layerUndici))
)

layer(services, { excludeTestServices: true, timeout: "120 seconds" })("a failover of PostgreSQL", (it) => {
  const deploy = (replicated: Effect.Success<ReturnType<typeof Replicated.make>>, env: NodeJS.ProcessEnv) =>
    Deployment.make({ clients: 12, env }).pipe(Effect.provideService(PostgresServer, replicated.server))

  const takesMessages = Effect.fnUntraced(function* ({ urls, users }: Deployment.Deployment) {
    let asked = 0
    for (const url of urls) {
      const message = { sender_id: users[0], receiver_id: users[1], content: "after the failover" }
      yield* until(
        `${url} takes messages again`,
        Effect.map(
          Effect.suspend(() =>
            post(`${url}/messages/`, { ...message, client_id: `after-${url}-${++asked}` })
          ),
          ({ status }) => status === 200
        ),
        HEALED_WITHIN
      )
    }
  })

  it.effect(
    "to a synchronous standby loses nothing, and closes no socket when it is set to be lossless",
    () =>
      Effect.gen(function* () {
        const replicated = yield* Replicated.make("synchronous")
        const deployment = yield* deploy(replicated, { DATABASE_FAILOVER: "lossless" })
        const load = yield* Load.start(deployment, 60)

        yield* replicated.failOver
        yield* takesMessages(deployment)
        yield* load.acknowledged(scale.sendsPerSecond)
        yield* load.stop

        yield* conclude({ ...deployment, load, fault: "synchronous failover" })
        assertConnected(deployment.clients)
      })
  )

  it.effect("to a standby that was behind reaches every client as a new epoch", () =>
    Effect.gen(function* () {
      const replicated = yield* Replicated.make("asynchronous")
      const deployment = yield* deploy(replicated, {})
      const load = yield* Load.start(deployment, 60)
      yield* replicated.disconnectStandby
      yield* load.acknowledged(scale.sendsPerSecond)

      yield* replicated.failOver
      yield* takesMessages(deployment)
      yield* until(
        "every client has the new epoch",
        Effect.sync(() =>
          deployment.clients.every(({ visits }) => visits.some((visit) => visit.unrecovered))
        ),
        HEALED_WITHIN
      )
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop
      for (const { isAlive, output, url } of deployment.nodes) assert.isTrue(isAlive(), `${url}\n${output()}`)
    })
  )
})
