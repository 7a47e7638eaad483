import { assert, layer } from "@effect/vitest"
import { Console, Deferred, Effect, Fiber } from "effect"
import * as ChatClient from "../../verify/ChatClient.ts"
import { Rest } from "../../verify/Rest.ts"
import * as Deployment from "./support/Deployment.ts"
import { post, request } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import * as Load from "./support/Load.ts"
import { conclude } from "./support/Outcome.ts"
import { freePort } from "./support/Ports.ts"
import { scale } from "./support/Scale.ts"
import { until } from "./support/Until.ts"

const SESSIONS_GONE_WITHIN = "35 seconds"
const DRAIN_TIMEOUT = 20_000
const IDLE_WITHIN = 5_000
const RESUMED_WITHIN = "10 seconds"
const STAMPEDE = 2_000

const on =
  (url: string) =>
  ({ visits }: ChatClient.ChatClient) =>
    visits.at(-1)?.url === url

const liveOn =
  (url: string) =>
  ({ visits }: ChatClient.ChatClient) =>
    visits.at(-1)?.url === url && visits.at(-1)?.liveAt !== undefined

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("A node", (it) => {
  it.effect("starts, and leaves no request without an answer", () =>
    Effect.gen(function* () {
      const deployment = yield* Deployment.make({ nodes: 1, clients: 0 })
      const port = yield* freePort
      const starting = yield* Effect.forkScoped(deployment.startNode(port))
      const ask = request(`http://127.0.0.1:${port}/health`).pipe(
        Effect.as("answered"),
        Effect.catchDefect(() => Effect.succeed("refused")),
        Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.succeed("left") })
      )
      const asked: Array<Fiber.Fiber<string>> = []
      while (starting.pollUnsafe() === undefined) {
        asked.push(yield* Effect.forkScoped(ask))
        yield* Effect.sleep("5 millis")
      }
      const node = yield* Fiber.join(starting)
      const answers = yield* Effect.forEach(asked, Fiber.join)

      const count = (what: string) => answers.filter((answer) => answer === what).length
      yield* Console.log(
        `node started: ${count("refused")} requests refused, ${count("answered")} answered, ${count("left")} left`
      )
      assert.isTrue(node.isAlive())
      assert.strictEqual(count("left"), 0)
    })
  )

  it.effect("is killed, and its clients resume on the other", () =>
    Effect.gen(function* () {
      const deployment = yield* Deployment.make()
      const [first, second] = deployment.nodes as [Node, Node]
      const load = yield* Load.start(deployment)
      const moved = deployment.clients.filter(on(first.url))

      yield* first.signal("SIGKILL")
      const killedAt = performance.now()
      yield* until(
        "its clients are live on the other",
        Effect.sync(() => moved.every(liveOn(second.url))),
        RESUMED_WITHIN
      )
      const resumedIn = Math.round(performance.now() - killedAt)
      yield* load.acknowledged(2 * scale.sendsPerSecond)
      yield* load.stop

      yield* conclude({
        ...deployment,
        nodes: [second],
        load,
        fault: "node killed",
        notes: [`${moved.length} clients resumed in ${resumedIn} ms`]
      })
    })
  )

  it.effect.skipIf(scale.short)("is killed, and its sessions go", () =>
    Effect.gen(function* () {
      const rest = yield* Rest
      const deployment = yield* Deployment.make({ clients: 2 })
      const [first, second] = deployment.nodes as [Node, Node]
      const [stranded] = (yield* deployment.createUsers(1)) as [number]
      const client = yield* ChatClient.make({ userId: stranded, urls: [first.url] })
      yield* client.live
      const load = yield* Load.start(deployment)
      const isOnline = Effect.map(rest.presence(second.url, stranded), ({ online }) => online)

      yield* first.signal("SIGKILL")
      const killedAt = performance.now()
      const wasOnline = yield* isOnline
      yield* until(
        "the user is offline",
        Effect.map(isOnline, (online) => !online),
        SESSIONS_GONE_WITHIN
      )
      const goneIn = Math.round((performance.now() - killedAt) / 1_000)
      yield* load.stop

      yield* conclude({
        ...deployment,
        nodes: [second],
        load,
        fault: "sessions of a killed node",
        notes: [`gone in ${goneIn} s`]
      })
      assert.isTrue(wasOnline, "the sessions of a killed node outlive it for a while")
      for (const userId of deployment.users) {
        const { connections } = yield* rest.presence(second.url, userId)
        assert.strictEqual(connections, 1, `sockets of user ${userId}`)
      }
    })
  )

  it.effect("is drained", () =>
    Effect.gen(function* () {
      const deployment = yield* Deployment.make({ env: { DRAIN_TIMEOUT: `${DRAIN_TIMEOUT} millis` } })
      const { sql } = deployment
      const [first, second] = deployment.nodes as [Node, Node]
      const [alice, bob] = (yield* deployment.createUsers(2)) as [number, number]
      const load = yield* Load.start(deployment)
      const drained = deployment.clients.filter(on(first.url)).map((client) => client.visits.at(-1)!)

      const locked = yield* Deferred.make<number>()
      const release = yield* Deferred.make<void>()
      const lock = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid
        FROM inboxes WHERE user_id = ${bob} FOR UPDATE`.pipe(
        Effect.flatMap(([row]) => Deferred.succeed(locked, row!.pid)),
        Effect.andThen(Deferred.await(release)),
        sql.withTransaction,
        Effect.orDie,
        Effect.forkScoped
      )
      const pid = yield* Deferred.await(locked)
      const inFlight = yield* post(`${first.url}/messages/`, {
        sender_id: alice,
        receiver_id: bob,
        content: "in flight"
      }).pipe(Effect.forkScoped)
      const waitsForLock = sql`SELECT FROM pg_stat_activity WHERE ${pid} = ANY(pg_blocking_pids(pid))`
      yield* until(
        "the send waits for the lock",
        Effect.map(waitsForLock, (rows) => rows.length > 0),
        "2 seconds"
      )
      const poll = yield* request(`${first.url}/users/${alice}/events?since=0&wait=30`).pipe(
        Effect.forkScoped
      )

      yield* first.signal("SIGTERM")
      const beganAt = performance.now()
      yield* until(
        "the sockets are closed",
        Effect.sync(() => drained.every(({ endedAt }) => endedAt !== undefined)),
        "10 seconds"
      )
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(lock)
      const answer = yield* Fiber.join(inFlight)
      const polled = yield* Fiber.join(poll)
      const answeredAt = performance.now()
      const { code } = yield* first.ended
      const took = Math.round(performance.now() - beganAt)
      const idle = Math.round(performance.now() - answeredAt)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop

      yield* conclude({
        ...deployment,
        nodes: [second],
        load,
        fault: "node drained",
        notes: [`${drained.length} sockets`, `exit ${code} after ${took} ms`]
      })
      assert.strictEqual(code, 0, first.output())
      assert.isAtMost(took, DRAIN_TIMEOUT)
      assert.isAtMost(idle, IDLE_WITHIN, "it ends when nothing is in flight any more")
      assert.strictEqual(answer.status, 200, answer.body)
      assert.strictEqual(polled.status, 200, polled.body)
      for (const { ending, reconnectAfterMillis } of drained) {
        assert.strictEqual(ending?.code, 1012)
        assert.isNumber(reconnectAfterMillis, "a reconnect frame came before the close")
      }
    })
  )

  it.effect.skipIf(scale.short)("takes a stampede of clients that lost another", () =>
    Effect.gen(function* () {
      const deployment = yield* Deployment.make({ clients: scale.clients })
      const [first, second] = deployment.nodes as [Node, Node]
      const users = yield* deployment.createUsers(STAMPEDE)
      const urls = [first.url, second.url]
      const crowd = yield* Effect.forEach(
        users,
        (userId) =>
          Effect.tap(ChatClient.make({ userId, urls, maxBackoffMillis: 500 }), (client) => client.live),
        { concurrency: 50 }
      )
      const clients = [...deployment.clients, ...crowd]
      const load = yield* Load.start({ ...deployment, clients }, 2 * scale.sendsPerSecond)

      yield* first.signal("SIGKILL")
      const killedAt = performance.now()
      yield* until(
        "all clients are live on the other node",
        Effect.sync(() => clients.every(liveOn(second.url))),
        RESUMED_WITHIN
      )
      const resumedIn = Math.round(performance.now() - killedAt)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop

      yield* conclude({
        ...deployment,
        clients,
        nodes: [second],
        load,
        fault: "stampede",
        notes: [`${crowd.length} clients resumed in ${resumedIn} ms`]
      })
    })
  )
})

type Node = Deployment.Deployment["nodes"][number]
