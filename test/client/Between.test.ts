import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { memoryStorage } from "../../src/client/Storage.ts"
import { ChatServer } from "../realtime/support/ChatServer.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"
import { historyOf, isOnline, openClient } from "./support/Clients.ts"
import { drawFrom, Model } from "./support/Model.ts"
import { scriptedServer } from "./support/ScriptedServer.ts"

/** What answers in place of a server that is down, as a proxy does: the same to everybody. */
const answering = (status: number) => {
  let answers = 0
  return Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((_, response) => {
        answers++
        response.writeHead(status).end("no healthy upstream")
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(
    Effect.map((server) => ({
      port: String((server.address() as AddressInfo).port),
      answers: () => answers
    }))
  )
}

layer(ChatServer.layer(), { excludeTestServices: true, timeout: 60_000 })("a client", (it) => {
  it.effect.each([401, 403, 404])("waits for its server while a proxy answers %i in its place", (status) =>
    Effect.gen(function* () {
      const chat = yield* ChatServer
      const [alice, bob] = [yield* chat.newUser, yield* chat.newUser]
      const target = new URL(chat.server.url)
      const { port } = target
      const proxy = yield* tcpProxy(target)
      const client = yield* openClient(proxy, alice)
      yield* client.until(isOnline)
      const between = yield* answering(status)
      target.port = between.port
      yield* Effect.andThen(proxy.cut, proxy.restore)
      yield* client.send({ userId: bob.id }, "hello", { clientId: "1" })
      // Each attempt makes a handshake, and a call that says why it was refused.
      yield* until(Effect.sync(() => between.answers() >= 4 || client.state().status.type === "closed"))
      assert.notStrictEqual(client.state().status.type, "closed")
      target.port = port
      yield* Effect.andThen(proxy.cut, proxy.restore)
      yield* client.nudge
      yield* client.acknowledged("1")
      assert.deepEqual(yield* historyOf(chat.server, alice, bob), ["hello"])
    })
  )
})

describe("the list of conversations", () => {
  it.live("is asked for until the server itself answers", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      server.refuse({ status: 404, body: "no healthy upstream" })
      const client = yield* openClient(server, { id: 1 })
      yield* until(Effect.sync(() => server.paths().length === 1))
      server.refuse(undefined)
      yield* client.until(({ list }) => list.isLoaded)
      assert.lengthOf(server.paths(), 2)
    })
  )

  it.live("stays as it is known while the server refuses it, and is asked for again", () =>
    Effect.gen(function* () {
      const server = yield* scriptedServer
      server.refuse({ status: 403, body: JSON.stringify({ type: "urn:minichat:problem:forbidden" }) })
      const { conversations } = new Model(drawFrom(1)).list(2)
      const storage = memoryStorage()
      const snapshot = { version: 1, user_id: 1, cursor: 0, epoch: "scripted", conversations }
      const rest = { isWhole: false, next: null, wanted: [], timelines: [] }
      yield* Effect.promise(() => storage.set("snapshot", { ...snapshot, ...rest }))
      const client = yield* openClient(server, { id: 1 }, { storage })
      yield* until(Effect.sync(() => server.paths().length === 2))
      assert.strictEqual(client.state().conversations.size, 2)
    })
  )
})
