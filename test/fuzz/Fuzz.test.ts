import { constants, setPriority } from "node:os"
import { assert, it } from "@effect/vitest"
import { Config, Effect, Option, Redacted } from "effect"
import { post } from "../security/support/Server.ts"
import { type ServerProcess, serverProcess } from "../security/support/ServerProcess.ts"
import { databaseUrl, freshDatabase, freshDataDir, freshRedis, redisUrl } from "../support/Services.ts"
import { makeFrames } from "./support/Frames.ts"
import { neighbour } from "./support/Neighbour.ts"
import { makeRandom } from "./support/Random.ts"
import { makeRequests } from "./support/Requests.ts"
import { floodRest } from "./support/RestFlood.ts"
import { floodSockets } from "./support/SocketFlood.ts"

const USERS = 20

/** How many more there are to be erased and suspended. */
const SPARES = 5

/** From how many messages the slowest hundredth without a flood is measured: enough to compare with, or to print. */
const quietMessages = (latency: boolean) => (latency ? 1500 : 300)

/** The part of the flood after which the memory of the server is taken as what it needs. */
const WARM_UP = 0.25

/** How much more it may hold at the end. A leak of a kilobyte for each request of a long run is more than this. */
const MAY_GROW = 128 * 1024 * 1024

const settings = Effect.gen(function* () {
  const { connections, latency, seed, size } = yield* Config.all({
    size: Config.Int("FUZZ_REQUESTS").pipe(Config.withDefault(50_000)),
    seed: Config.Int("FUZZ_SEED").pipe(Config.withDefault(Math.floor(Math.random() * 2 ** 31))),
    connections: Config.Int("FUZZ_CONNECTIONS").pipe(Config.withDefault(2)),
    latency: Config.Boolean("FUZZ_LATENCY").pipe(Config.withDefault(false))
  })
  console.log(`${size} requests and ${size} frames over ${connections} connections each, FUZZ_SEED=${seed}`)
  return { connections, latency, seed, size }
})

const services = Effect.gen(function* () {
  if (databaseUrl === undefined) return { DATA_DIR: (yield* freshDataDir).dataDir }
  const postgres = Redacted.value(Option.getOrThrow((yield* freshDatabase).databaseUrl))
  if (redisUrl === undefined) return { DATABASE_URL: postgres }
  return { DATABASE_URL: postgres, REDIS_URL: redisUrl, REDIS_PREFIX: (yield* freshRedis).redisPrefix }
})

const makeUsers = ({ url }: ServerProcess) =>
  Effect.forEach(
    Array.from({ length: USERS + 2 + SPARES }, (_, i) => `user${i}`),
    (username) => Effect.map(post(`${url}/users/`, { username }), ({ body }): number => JSON.parse(body).id)
  )

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`

it.live("a server takes whatever is sent to it, and serves those beside it", () =>
  Effect.gen(function* () {
    const { connections, latency, seed, size } = yield* settings
    const server = yield* serverProcess({ ...(yield* services), LOG_LEVEL: "Info" })
    const ids = yield* makeUsers(server)
    const users = ids.slice(0, USERS)
    const { beside } = yield* neighbour({
      port: server.port,
      webSocketUrl: server.webSocketUrl,
      sender: ids[USERS]!,
      receiver: ids[USERS + 1]!,
      quietMessages: quietMessages(latency)
    })

    const random = makeRandom(seed)
    const requests = makeRequests(makeRandom(random.below(2 ** 31)), users, ids.slice(USERS + 2))
    const framing = makeRandom(random.below(2 ** 31))
    const frames = makeFrames(framing, users)
    const flood = (share: number) =>
      Effect.all(
        [
          floodRest(server.port, Math.round(size * share), connections, requests),
          floodSockets(
            server.webSocketUrl,
            Math.round(size * share),
            users.slice(0, connections),
            framing,
            frames
          )
        ],
        { concurrency: "unbounded" }
      )
    // Who floods a server does not share its processors: here they do, and the flood gets what the server leaves. This is
    // the priority of this thread; the server and the neighbour's thread keep theirs.
    setPriority(constants.priority.PRIORITY_LOW)
    const [[warmUp, warm, rest, full], chat] = yield* beside(
      Effect.gen(function* () {
        const warmUp = yield* flood(WARM_UP)
        const warm = server.residentBytes()
        const rest = yield* flood(1 - WARM_UP)
        return [warmUp, warm, rest, server.residentBytes()] as const
      }).pipe(Effect.scoped)
    )

    for (const [rest_, sockets] of [warmUp, rest]) {
      console.log("answers by status", rest_.statuses)
      console.log("frames by type", sockets.replies, "closes by code", sockets.closes)
      assert.deepStrictEqual(rest_.failures.slice(0, 5), [])
      assert.deepStrictEqual(sockets.failures.slice(0, 5), [])
      assert.isAbove(rest_.statuses[200] ?? 0, 0, "some requests get through")
      assert.isAbove(rest_.statuses[422] ?? 0, 0, "some requests are refused")
      assert.isAbove(sockets.replies.ack ?? 0, 0, "some sends get through")
      assert.isAbove(sockets.replies["error invalid"] ?? 0, 0, "some frames are refused")
    }

    console.log(`memory: ${mebibytes(warm)} after the warm-up, ${mebibytes(full)} at the end`)
    assert.isBelow(full - warm, MAY_GROW)

    const { quietP99, floodedP99, sent, contents, seqs, failures } = chat
    console.log(
      `the neighbour: ${sent} messages, 99 of 100 within ${quietP99.toFixed(1)} ms before and ${floodedP99.toFixed(1)} ms beside the flood`
    )
    assert.deepStrictEqual(failures, [])
    assert.deepStrictEqual(
      contents,
      Array.from({ length: sent }, (_, i) => `message ${i}`)
    )
    assert.deepStrictEqual(
      seqs,
      seqs.map((_, i) => i + 1)
    )
    if (latency) assert.isBelow(floodedP99, 2 * quietP99)

    assert.isTrue(server.isAlive())
    assert.strictEqual(yield* server.stop, 0)
    assert.notMatch(server.output(), /"level":"(ERROR|FATAL)"/)
    assert.notMatch(server.output(), /unhandled|uncaught/i)
  })
)
