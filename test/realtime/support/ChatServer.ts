import { Array, Context, DateTime, Effect, Layer, Schema } from "effect"
import type { Settings } from "../../../src/AppConfig.ts"
import { ServerFrame } from "../../../src/api/Protocol.ts"
import type { User } from "../../../src/domain/User.ts"
import { InboxRepo } from "../../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../../src/repo/MessageRepo.ts"
import { freshEmbedded } from "../../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl } from "../../support/Services.ts"
import { startServer, type TestServer, typedClient } from "../../support/TestServer.ts"
import { openSocket } from "../../support/TestSocket.ts"

/** What a server stands on: PostgreSQL and Redis where the run has them, else what the server embeds. */
export const freshServices = Effect.gen(function* () {
  const database = yield* databaseUrl === undefined ? freshEmbedded : freshDatabase
  const redis = redisUrl === undefined ? {} : yield* freshRedis
  return { ...database, ...redis } satisfies Partial<Settings>
})

/** What a server stands on where several nodes share it. Only for runs that have both services. */
export const sharedServices = Effect.all([freshDatabase, freshRedis]).pipe(
  Effect.map(([database, redis]): Partial<Settings> => ({ ...database, ...redis }))
)

export const hasSharedServices = databaseUrl !== undefined && redisUrl !== undefined

let users = 0

const decodeFrame = Schema.decodeUnknownSync(ServerFrame, { onExcessProperty: "error" })

export interface ConnectOptions {
  /** A place in the inbox, or whatever else stands in the query. */
  readonly since?: number | string
  /** The epoch that `since` belongs to. */
  readonly epoch?: string
  /** Version 2 by default; null offers none. */
  readonly protocol?: "minichat.v1" | "minichat.v2" | null
}

/** A user's socket whose every frame is held to the declared protocol when it is taken. */
export const connect = Effect.fnUntraced(function* (
  { webSocketUrl }: TestServer,
  { id }: Pick<User, "id">,
  { since, epoch, protocol = "minichat.v2" }: ConnectOptions = {}
) {
  const socket = yield* openSocket(
    `${webSocketUrl}/ws/${id}${since === undefined ? "" : `?since=${since}`}${epoch === undefined ? "" : `&epoch=${epoch}`}`,
    protocol === null ? {} : { protocols: [protocol] }
  )
  const next = Effect.map(socket.next, decodeFrame)
  return {
    ...socket,
    next,
    /** The next frame, which is of this type. */
    expect: <Type extends ServerFrame["type"]>(type: Type) =>
      Effect.flatMap(next, (frame) =>
        frame.type === type
          ? Effect.succeed(frame as Extract<ServerFrame, { readonly type: Type }>)
          : Effect.die(new Error(`expected ${type}, got ${JSON.stringify(frame)}`))
      ),
    /** The next `count` frames. */
    take: (count: number) => Effect.replicateEffect(next, count)
  }
})

export type ChatSocket = Effect.Success<ReturnType<typeof connect>>

export const chatOn = Effect.fnUntraced(function* (server: TestServer) {
  const client = yield* typedClient(server)
  return {
    server,
    client,
    newUser: Effect.suspend(() => client.users.create({ payload: { username: `user${users++}` } })),
    connect: (user: Pick<User, "id">, options?: ConnectOptions) => connect(server, user, options),
    post: (from: Pick<User, "id">, to: Pick<User, "id">, content: string, client_id?: string) =>
      client.messages.send({
        payload: {
          sender_id: from.id,
          receiver_id: to.id,
          content,
          ...(client_id === undefined ? {} : { client_id })
        }
      })
  }
})

/** A server that the tests of one file share: each works with users of its own. */
export class ChatServer extends Context.Service<ChatServer, Effect.Success<ReturnType<typeof chatOn>>>()(
  "minichat/test/ChatServer"
) {
  static readonly layer = (overrides: Partial<Settings> = {}) =>
    Layer.effect(
      ChatServer,
      Effect.gen(function* () {
        return yield* chatOn(yield* startServer({ ...(yield* freshServices), ...overrides }))
      })
    )
}

/** How many messages one call commits: what a batch of the server's holds. */
const BATCH = 100

/** Commits messages as another node would whose word of them has not come yet, or was lost. */
export const commitUnannounced = (
  { services }: TestServer,
  from: User,
  to: User,
  content: string,
  count = 1
) =>
  Effect.forEach(
    Array.chunksOf(
      Array.makeBy(count, () => ({ sender_id: from.id, receiver_id: to.id, content })),
      BATCH
    ),
    (drafts) => Context.get(services, MessageRepo).send(drafts),
    { discard: true }
  )

/** Deletes every inbox event that there is. */
export const pruneAll = ({ services }: TestServer) =>
  Effect.flatMap(DateTime.now, (now) =>
    Context.get(services, InboxRepo).prune(DateTime.add(now, { hours: 1 }), 1_000_000)
  )
