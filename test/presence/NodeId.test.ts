import { assert, it } from "@effect/vitest"
import { Console, Context, Effect } from "effect"
import { Lifecycle } from "../../src/Lifecycle.ts"
import { NodeId } from "../../src/presence/NodeId.ts"
import * as Nodes from "../../src/redis/Nodes.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { freshRedis, redisUrl } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { redisClient } from "./Nodes.ts"

/** A server, and the lines that it logs, as JSON. */
const logged = Effect.fnUntraced(function* (overrides: Parameters<typeof startServer>[0]) {
  const lines: Array<string> = []
  const console = { ...globalThis.console, log: (line: string) => void lines.push(line) }
  const server = yield* startServer({ ...overrides, logLevel: "Info", logFormat: "json" }).pipe(
    Effect.provideService(Console.Console, console)
  )
  return { server, node: Context.get(server.services, NodeId), lines }
})

const text = (url: string) => Effect.promise(async () => (await fetch(url)).text())

it.live("the log of the start, the metrics and the ids of requests name a node by one id", () =>
  Effect.gen(function* () {
    const { server, node, lines } = yield* logged(yield* freshEmbedded)
    assert.match(node, /^[0-9a-z]{8}$/)

    const start = lines.map((line) => JSON.parse(line)).find(({ message }) => message.includes("listens on"))
    assert.strictEqual(start.node, node)

    assert.match(yield* text(`${server.url}/metrics`), new RegExp(`^minichat_info\\{node="${node}",`, "m"))

    yield* Context.get(server.services, Lifecycle).drain
    const { headers } = yield* Effect.promise(() => fetch(`${server.url}/readyz`))
    assert.match(headers.get("x-request-id")!, new RegExp(`^${node}-[0-9a-z]+$`))
  })
)

it.live.runIf(redisUrl !== undefined)("the sessions of a node stand under its id", () =>
  Effect.gen(function* () {
    const settings = { ...(yield* freshEmbedded), ...(yield* freshRedis) }
    const { node } = yield* logged(settings)
    const other = yield* logged({ ...settings, ...(yield* freshEmbedded) })
    const redis = yield* redisClient
    const keys = yield* Effect.promise(() => redis.keys(Nodes.keyOf(`${settings.redisPrefix}*:`, "*")))
    assert.sameMembers(
      keys.map((key) => key.split(":").at(-1)),
      [node, other.node]
    )
  })
)
