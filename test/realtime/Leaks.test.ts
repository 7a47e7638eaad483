import { connect as connectTcp } from "node:net"
import { assert, it } from "@effect/vitest"
import { Array, Context, Effect } from "effect"
import { Redis as IORedis } from "ioredis"
import type { Settings } from "../../src/AppConfig.ts"
import type { User, UserId } from "../../src/domain/User.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { ConnectionRegistry } from "../../src/realtime/ConnectionRegistry.ts"
import { followersOf } from "../support/Followers.ts"
import { redisUrl } from "../support/Services.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { type ChatServer, chatOn, commitUnannounced, freshServices } from "./support/ChatServer.ts"
import { eventually } from "./support/Eventually.ts"
import { countingFibers } from "./support/FiberCount.ts"

type Chat = ChatServer["Service"]

const SOCKETS = 1000
const WARM_UP = 70
const USERS = 10
const AT_ONCE = 40

/** Enough for a replay that reads several pages. */
const BACKLOG = 130

/** How many timers and connections the pools of the database and of the tests' HTTP client may have gained. */
const POOLED = 10

/** The ways in which a socket ends. */
const endings: ReadonlyArray<(chat: Chat, user: User, other: User) => Effect.Effect<unknown, unknown>> = [
  // Politely.
  Effect.fnUntraced(function* ({ connect }, user) {
    const { socket, closed, expect } = yield* connect(user)
    yield* expect("system")
    socket.close(1000)
    yield* closed
  }, Effect.scoped),
  // Without a word.
  Effect.fnUntraced(function* ({ connect }, user) {
    yield* (yield* connect(user, { protocol: "minichat.v1" })).expect("system")
  }, Effect.scoped),
  // In the middle of a replay.
  Effect.fnUntraced(function* ({ connect }, user) {
    yield* (yield* connect(user, { since: 0 })).take(3)
  }, Effect.scoped),
  // With sends under way.
  Effect.fnUntraced(function* ({ connect }, user, other) {
    const { send } = yield* connect(user)
    yield* Effect.replicateEffect(send({ type: "send", receiver_id: other.id, content: "bye" }), 3)
  }, Effect.scoped),
  // By the server, after too many bad frames.
  Effect.fnUntraced(function* ({ connect }, user) {
    const { send, closed } = yield* connect(user)
    yield* Effect.replicateEffect(send("?"), 20)
    assert.strictEqual((yield* closed).code, 1008)
  }, Effect.scoped),
  // By the server, as there is no such user.
  Effect.fnUntraced(function* ({ server }) {
    const { closed } = yield* openSocket(`${server.webSocketUrl}/ws/999999`)
    assert.strictEqual((yield* closed).code, 4004)
  }, Effect.scoped),
  // Before the handshake is answered.
  ({ server }, user) => hangUp(server.port, `/ws/${user.id}`)
]

const hangUp = (port: number, path: string) =>
  Effect.callback<void>((resume) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
    const tcp = connectTcp(port, "127.0.0.1", () => tcp.write(request, () => tcp.destroy()))
    tcp.on("close", () => resume(Effect.void))
  })

const storm = (chat: Chat, users: ReadonlyArray<User>, sockets: number) =>
  Effect.forEach(
    Array.range(1, sockets),
    (i) => endings[i % endings.length]!(chat, users[i % USERS]!, users[(i + 1) % USERS]!),
    { concurrency: AT_ONCE, discard: true }
  )

/** How many users with this prefix someone listens for; always `whenEmbedded` in a run without Redis. */
const channels = (prefix: string, whenEmbedded: number) =>
  redisUrl === undefined
    ? Effect.succeed(whenEmbedded)
    : Effect.acquireUseRelease(
        Effect.sync(() => new IORedis(redisUrl!)),
        (redis) => Effect.promise(async () => (await redis.pubsub("CHANNELS", `${prefix}*user:*`)).length),
        (redis) => Effect.sync(() => redis.disconnect())
      )

const resources = Effect.sync(() => {
  const kinds = process.getActiveResourcesInfo()
  const count = (kind: string) => kinds.filter((name) => name === kind).length
  return { timers: count("Timeout"), connections: count("TCPSocketWrap") }
})

/** What background loops start for a moment comes on top of this. */
const fewest = (count: Effect.Effect<number>) =>
  Effect.map(Effect.all(Array.replicate(Effect.delay(count, "20 millis"), 25)), (counts) =>
    Math.min(...counts)
  )

const open = ({ services }: TestServer) =>
  Effect.all({
    sockets: Context.get(services, ConnectionRegistry).size,
    inboxes: Context.get(services, LiveInboxes).size
  })

const connectionsOf = ({ services }: TestServer, id: UserId) =>
  Effect.map(Context.get(services, Sessions).presence(id), ({ connections }) => connections)

it.live(
  "sockets that came and went in every way leave nothing behind",
  () =>
    Effect.gen(function* () {
      const settings: Partial<Settings> = yield* freshServices
      const prefix = settings.redisPrefix ?? ""
      const [server, fibers] = yield* countingFibers(startServer(settings))
      const chat = yield* chatOn(server)
      const users = yield* Effect.replicateEffect(chat.newUser, USERS)
      for (const [i, user] of users.entries()) {
        yield* commitUnannounced(server, users[(i + 1) % USERS]!, user, "backlog", BACKLOG)
      }
      // What is kept, such as the connections to the database, is opened by these.
      yield* storm(chat, users, WARM_UP)
      yield* eventually(open(server), ({ sockets, inboxes }) => sockets + inboxes === 0)
      const before = yield* resources
      const idle = yield* fewest(fibers)

      yield* Effect.gen(function* () {
        const residents = yield* Effect.forEach(users, (user) => chat.connect(user))
        yield* Effect.forEach(residents, ({ expect }) => expect("system"))
        assert.isAtLeast(yield* fibers, idle + USERS)
        yield* storm(chat, users, SOCKETS)

        yield* eventually(open(server), ({ sockets, inboxes }) => sockets === USERS && inboxes === USERS)
        for (const { id } of users) {
          assert.strictEqual(yield* followersOf(server.services, id), 1)
          yield* eventually(connectionsOf(server, id), (connections) => connections === 1)
        }
        yield* eventually(channels(prefix, USERS), (count) => count === USERS)
      }).pipe(Effect.scoped)

      yield* eventually(open(server), ({ sockets, inboxes }) => sockets + inboxes === 0)
      yield* eventually(channels(prefix, 0), (count) => count === 0)
      for (const user of users) {
        yield* eventually(connectionsOf(server, user.id), (connections) => connections === 0)
        const other = users.find(({ id }) => id !== user.id)!
        assert.isFalse((yield* chat.post(other, user, "anyone?")).delivered_via_websocket)
      }
      yield* eventually(
        Effect.all([fibers, resources]),
        ([active, { timers, connections }]) =>
          active <= idle && timers <= before.timers + POOLED && connections <= before.connections + POOLED
      )
    }),
  120_000
)
