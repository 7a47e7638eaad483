import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { networkFrom } from "../../src/AppConfig.ts"
import { AnswerResponse, Unread } from "../../src/http/AnswerResponse.ts"
import { WaitingConnections } from "../../src/http/WaitingConnections.ts"
import { rawSocket } from "../security/support/RawSocket.ts"
import { until } from "../support/Until.ts"

const proxies = (...texts: ReadonlyArray<string>) =>
  texts.flatMap((text) => Option.toArray(networkFrom(text)))

class Response<Request extends IncomingMessage> extends AnswerResponse<Request> {
  constructor(request: Request) {
    super(request, new Unread())
  }
}

/** A server of Node that answers when the test says so, and upgrades whatever asks for it. */
const watched = Effect.fnUntraced(function* (
  bounds: { readonly ofAddress?: number; readonly ofNode?: number },
  trusted = proxies()
) {
  const responses: Array<ServerResponse> = []
  const server = createServer({ ServerResponse: Response }, (_, response) => responses.push(response))
  server.on("upgrade", (_, socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
  const connections = new WaitingConnections(trusted, bounds)
  connections.watch(server)
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const { port } = server.address() as AddressInfo
  /** Opens a connection, and waits until the server knows of it. */
  const open = Effect.gen(function* () {
    const before = connections.size
    const socket = yield* rawSocket(port)
    yield* until(Effect.sync(() => connections.size > before))
    return socket
  })
  const isSize = (size: number) => until(Effect.sync(() => connections.size === size))
  return { connections, responses, open, isSize }
})

it.live("of the connections of an address that wait, those that waited longest are closed", () =>
  Effect.gen(function* () {
    const { connections, open } = yield* watched({ ofAddress: 2 })
    const [first, second, third, fourth] = [yield* open, yield* open, yield* open, yield* open]
    yield* third.write("GET / HTTP/1.1\r\nX-Slow: ")

    connections.closeSurplus(0)

    yield* Effect.all([first.closed, second.closed])
    assert.strictEqual(connections.size, 2)
    assert.deepEqual([third.socket.destroyed, fourth.socket.destroyed], [false, false])
    connections.closeSurplus(0)
    assert.strictEqual(connections.size, 2)
  })
)

it.live("a connection that has not waited long is left alone", () =>
  Effect.gen(function* () {
    const { connections, open } = yield* watched({ ofAddress: 1, ofNode: 1 })
    for (let i = 0; i < 3; i++) yield* open

    connections.closeSurplus(60_000)

    assert.strictEqual(connections.size, 3)
  })
)

it.live("a trusted proxy may keep more than an address, and no more than the node", () =>
  Effect.gen(function* () {
    const { connections, open } = yield* watched({ ofAddress: 1, ofNode: 2 }, proxies("127.0.0.1"))
    const first = yield* open
    yield* open

    connections.closeSurplus(0)
    assert.strictEqual(connections.size, 2)
    yield* open
    connections.closeSurplus(0)

    yield* first.closed
    assert.strictEqual(connections.size, 2)
  })
)

it.live("a connection waits between requests, not while one is answered, and not as a WebSocket", () =>
  Effect.gen(function* () {
    const { connections, responses, open, isSize } = yield* watched({ ofAddress: 0 })
    const asking = yield* open
    yield* asking.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    yield* isSize(0)
    yield* until(Effect.sync(() => responses.length === 2))
    const socket = yield* open
    yield* socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    yield* socket.until("101", () => socket.received().includes("101") || undefined)
    yield* isSize(0)

    connections.closeSurplus(0)
    responses[0]!.end("first")
    yield* asking.until("first", () => asking.received().includes("first") || undefined)
    connections.closeSurplus(0)
    assert.deepEqual([asking.socket.destroyed, socket.socket.destroyed], [false, false])

    responses[1]!.end("second")
    yield* asking.until("second", () => asking.received().includes("second") || undefined)
    yield* isSize(1)
    connections.closeSurplus(0)
    yield* asking.closed
    assert.isFalse(socket.socket.destroyed)
  })
)

it.live("a connection that its client closed is not counted", () =>
  Effect.gen(function* () {
    const { open, isSize } = yield* watched({})
    const { socket } = yield* open
    socket.destroy()
    yield* isSize(0)
  })
)
