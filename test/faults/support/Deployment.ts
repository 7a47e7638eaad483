import { Effect, Random } from "effect"
import * as ChatClient from "../../../verify/ChatClient.ts"
import { Rest } from "../../../verify/Rest.ts"
import * as ChatNode from "./ChatNode.ts"
import { PostgresServer } from "./PostgresServer.ts"
import { RedisServer } from "./RedisServer.ts"
import { scale } from "./Scale.ts"

export interface Options {
  /** Defaults to two. */
  readonly nodes?: number
  readonly clients?: number
  readonly env?: NodeJS.ProcessEnv
  readonly nodeArguments?: ReadonlyArray<string>
}

/** `FAULTS_SEED` repeats the choices of an earlier run. */
const drawSeed = Effect.suspend(() => {
  const given = Number(process.env.FAULTS_SEED)
  return Number.isInteger(given) && given > 0 ? Effect.succeed(given) : Random.nextIntBetween(1, 2 ** 31)
})

/** An empty database, nodes that serve it, and users, each with a client that is connected. The clients are spread over the nodes. */
export const make = Effect.fn("Deployment.make")(function* (options: Options = {}) {
  const postgres = yield* PostgresServer
  const redis = yield* RedisServer
  const rest = yield* Rest
  const seed = yield* drawSeed
  const name = `verify_${(yield* Random.nextIntBetween(0, 2 ** 40)).toString(36)}`
  const databaseUrl = yield* postgres.createDatabase(name)
  yield* redis.command("FLUSHALL")

  const startNode = (port?: number) =>
    ChatNode.start({
      databaseUrl,
      redisUrl: redis.url,
      env: { ...options.env },
      nodeArguments: options.nodeArguments ?? [],
      ...(port !== undefined && { port })
    })
  const nodes = yield* Effect.replicateEffect(startNode(), options.nodes ?? 2, { concurrency: "unbounded" })
  const urls = nodes.map(({ url }) => url)
  const sql = yield* postgres.connect(databaseUrl)

  let created = 0
  const createUsers = (count: number) =>
    Effect.replicateEffect(
      Effect.suspend(() => rest.createUser(urls[0]!, `user${++created}`)),
      count,
      { concurrency: 16 }
    ).pipe(Effect.map((users) => users.map(({ id }) => id)))

  const connect = Effect.fnUntraced(function* (userId: number, firstUrl: number) {
    const client = yield* ChatClient.make({ userId, urls, firstUrl })
    yield* client.live
    return client
  })
  const users = yield* createUsers(options.clients ?? scale.clients)
  const clients = yield* Effect.forEach(users, connect, { concurrency: 50 })
  return { seed, databaseUrl, nodes, urls, sql, users, clients, createUsers, startNode }
})

export interface Deployment extends Effect.Success<ReturnType<typeof make>> {}
