import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Fiber } from "effect"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { historyOf, isOnline, openClient } from "./support/Clients.ts"

const texts = Array.makeBy(30, (i) => `message ${i}`)

const newUser = (url: string, username: string) =>
  Effect.promise(async () => {
    const body = JSON.stringify({ username })
    const headers = { "content-type": "application/json" }
    const response = await fetch(`${url}/users/`, { method: "POST", headers, body })
    return (await response.json()) as { readonly id: number }
  })

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

describe("a client whose server", () => {
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it.live(`gets ${signal} and comes back sends each message once, in order`, () =>
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
        const state = yield* b.until(({ timelines }) => timelines.get(id!)?.messages.length === texts.length)
        assert.deepEqual(
          state.timelines.get(id!)?.messages.map(({ content }) => content),
          texts
        )
      })
    )
  }

  it.live("is frozen notices it when the network may have changed, and goes on when the server does", () =>
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
    })
  )
})
