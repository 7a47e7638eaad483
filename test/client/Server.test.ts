import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Fiber, Scope } from "effect"
import { conversationList, messagesOf } from "../../src/client/Views.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, freshDataDir, restorableDatabase } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startServer } from "../support/TestServer.ts"
import { historyOf, isOnline, openClient } from "./support/Clients.ts"
import { drawFrom } from "./support/Model.ts"

const texts = Array.makeBy(30, (i) => `message ${i}`)
const few = texts.slice(0, 12)

const newUser = (url: string, username: string) =>
  Effect.promise(async () => {
    const body = JSON.stringify({ username })
    const headers = { "content-type": "application/json" }
    const response = await fetch(`${url}/users/`, { method: "POST", headers, body })
    return (await response.json()) as { readonly id: number }
  })

const post = (url: string, from: { readonly id: number }, to: { readonly id: number }, content: string) =>
  Effect.promise(() =>
    fetch(`${url}/messages/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sender_id: from.id, receiver_id: to.id, content })
    })
  )

/** A server in a process of its own, behind a proxy that stays when the server is another one. */
const deployment = Effect.gen(function* () {
  const { dataDir } = yield* freshDataDir
  const start = startProcess({ DATA_DIR: dataDir })
  const first = yield* start
  const url = yield* first.listening
  const target = new URL(url)
  const proxy = yield* tcpProxy(target)
  const [alice, bob] = yield* Effect.all([newUser(url, "alice"), newUser(url, "bob")])
  const restart = Effect.gen(function* () {
    const next = yield* start
    const address = new URL(yield* next.listening)
    target.port = address.port
    return address.origin
  })
  return { first, proxy, alice, bob, restart }
})

/** What befalls a connection; each ends by itself. */
const troubles = (network: Effect.Success<ReturnType<typeof tcpProxy>>, nudge: Effect.Effect<void>) => [
  Effect.andThen(network.cut, network.restore),
  Effect.andThen(network.hold("everything"), Effect.delay(network.release, "200 millis")),
  network
    .hold("replies")
    .pipe(
      Effect.andThen(Effect.sleep("100 millis")),
      Effect.andThen(network.cut),
      Effect.andThen(network.release),
      Effect.andThen(network.restore)
    ),
  // Half open: what is sent on it is lost without a word, until the device finds another network.
  Effect.andThen(network.swallow, nudge),
  Effect.void
]

describe("a client whose network", () => {
  it.live(
    "drops, delays, loses answers and stays half open sends and shows each message once, in order",
    () =>
      Effect.gen(function* () {
        const { first, proxy, alice, bob } = yield* deployment
        const other = yield* tcpProxy(new URL(yield* first.listening))
        const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31)) || 1
        const draw = drawFrom(seed)
        const sides = [
          { client: yield* openClient(proxy, alice), network: proxy, peer: bob },
          { client: yield* openClient(other, bob), network: other, peer: alice }
        ]
        for (const { client } of sides) yield* client.until(isOnline)
        const write = Effect.fnUntraced(function* (
          { client, network, peer }: (typeof sides)[number],
          name: string
        ) {
          for (const text of few) {
            yield* client.send({ userId: peer.id }, `${text} of ${name}`)
            if (draw(4) > 0) continue
            const all = troubles(network, client.nudge)
            yield* all[draw(all.length)]!
          }
          yield* client.nudge
          yield* client.until(({ outbox }) => outbox.length === 0)
        })
        yield* Effect.all([write(sides[0]!, "alice"), write(sides[1]!, "bob")], { concurrency: 2 })
        const all = yield* historyOf({ url: yield* first.listening }, alice, bob)
        for (const name of ["alice", "bob"])
          assert.deepEqual(
            all.filter((text) => text.endsWith(name)),
            few.map((text) => `${text} of ${name}`),
            `seed ${seed}`
          )
        for (const { client } of sides) {
          const [id] = [...client.state().conversations.keys()]
          yield* client.open(id!)
          while ((client.state().timelines.get(id!)?.messages.length ?? 0) < all.length)
            yield* client.loadOlder(id!)
          assert.deepEqual(
            messagesOf(client.state(), id!).map(({ content }) => content),
            all,
            `seed ${seed}`
          )
        }
      }),
    90_000
  )
})

describe("a client whose server", { concurrent: true }, () => {
  it.live.runIf(databaseUrl !== undefined)(
    "is restored from a backup shows what a fresh load does, and keeps its outbox",
    () =>
      Effect.gen(function* () {
        const database = yield* restorableDatabase
        const start = startServer(database.settings)
        const { alice, bob } = yield* Effect.scoped(
          Effect.gen(function* () {
            const { url } = yield* start
            const [alice, bob] = yield* Effect.all([newUser(url, "alice"), newUser(url, "bob")])
            yield* post(url, alice, bob, "kept")
            return { alice, bob }
          })
        )
        yield* database.backUp

        const target = new URL("http://127.0.0.1")
        const proxy = yield* tcpProxy(target)
        const { client, id } = yield* Effect.gen(function* () {
          const { url, port } = yield* start
          target.port = String(port)
          const client = yield* openClient(proxy, bob).pipe(Scope.provide(yield* Scope.make()))
          yield* client.until(({ conversations }) => conversations.size === 1)
          const [id] = [...client.state().conversations.keys()]
          yield* client.open(id!)
          yield* post(url, alice, bob, "lost")
          yield* client.until((state) => messagesOf(state, id!).length === 2)
          yield* proxy.cut
          yield* client.send({ userId: alice.id }, "typed meanwhile")
          return { client, id: id! }
        }).pipe(Effect.scoped)
        yield* Effect.addFinalizer(() => client.crash)
        yield* database.restore

        const { url, port } = yield* start
        target.port = String(port)
        yield* post(url, alice, bob, "written again")
        yield* proxy.restore
        yield* client.nudge
        yield* client.until((state) => messagesOf(state, id).length === 3 && state.outbox.length === 0)
        assert.deepEqual(
          messagesOf(client.state(), id).map(({ content }) => content),
          ["kept", "written again", "typed meanwhile"]
        )
        const fresh = yield* openClient(proxy, bob)
        yield* fresh.until(({ list }) => list.isLoaded)
        yield* fresh.open(id)
        assert.deepEqual(messagesOf(fresh.state(), id), messagesOf(client.state(), id))
        assert.deepEqual(conversationList(fresh.state()), conversationList(client.state()))
      }),
    90_000
  )

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it.live(
      `gets ${signal} and comes back sends each message once, in order`,
      () =>
        Effect.gen(function* () {
          const { first, proxy, alice, bob, restart } = yield* deployment
          const a = yield* openClient(proxy, alice)
          const b = yield* openClient(proxy, bob)
          yield* Effect.all([a.until(isOnline), b.until(isOnline)])
          yield* Effect.forEach(texts.slice(0, 15), (text) => a.send({ userId: bob.id }, text))
          yield* b.until(({ conversations }) => conversations.size === 1)
          yield* first.signal(signal)
          yield* Effect.forEach(texts.slice(15), (text) => a.send({ userId: bob.id }, text))
          yield* first.ended
          const url = yield* restart
          yield* Effect.all([a.nudge, b.nudge])
          yield* a.until(({ outbox }) => outbox.length === 0)
          assert.deepEqual(yield* historyOf({ url }, alice, bob), texts)
          const [id] = [...b.state().conversations.keys()]
          yield* b.open(id!)
          const state = yield* b.until(
            ({ timelines }) => timelines.get(id!)?.messages.length === texts.length
          )
          assert.deepEqual(
            state.timelines.get(id!)?.messages.map(({ content }) => content),
            texts
          )
        }),
      90_000
    )
  }

  it.live(
    "is frozen notices it when the network may have changed, and goes on when the server does",
    () =>
      Effect.gen(function* () {
        const { first, proxy, alice, bob } = yield* deployment
        const a = yield* openClient(proxy, alice)
        yield* a.until((state) => isOnline(state) && state.list.isLoaded)
        yield* first.signal("SIGSTOP")
        const offline = yield* Effect.forkChild(
          a.until(({ status }) => status.type === "offline"),
          {
            startImmediately: true
          }
        )
        yield* a.send({ userId: bob.id }, "into the cold")
        yield* a.nudge
        yield* Fiber.join(offline)
        yield* first.signal("SIGCONT")
        yield* a.nudge
        yield* a.until(({ outbox }) => outbox.length === 0)
        assert.deepEqual(yield* historyOf(proxy, alice, bob), ["into the cold"])
      }),
    90_000
  )
})
