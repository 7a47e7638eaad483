import { type Duplex, duplexPair, type Writable } from "node:stream"
import { assert, it } from "@effect/vitest"
import { Array, Effect, Fiber } from "effect"
import * as ws from "ws"
import type { FrameBudget } from "../../src/access/FrameBudgets.ts"
import { CloseCode } from "../../src/api/CloseCode.ts"
import { ServerWebSocket } from "../../src/realtime/ServerWebSocket.ts"
import { frame, OPCODE } from "../security/support/RawSocket.ts"
import { until } from "../support/Until.ts"

/** The server's side of a WebSocket, and its peer's end of the connection. */
const connectedWith = (options: { readonly closeTimeout: number }) =>
  Effect.sync(() => {
    const [connection, peer] = duplexPair()
    const webSocket = new ServerWebSocket(null as never, undefined, options as never)
    webSocket.setSocket(connection, Buffer.alloc(0), { maxPayload: 64 * 1024 })
    peer.resume()
    return { webSocket, peer, connection }
  })

const connected = connectedWith({ closeTimeout: 1000 })

const say = (peer: Duplex, ...texts: ReadonlyArray<string>) =>
  Effect.sync(() => {
    for (const payload of texts) peer.write(frame({ opcode: OPCODE.text, payload }))
  })

/** The parser of ws, which its types leave out. */
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: { readonly isServer: boolean }) => Writable
}

/** All frames there are, until the socket ended. */
const takeAll = Effect.fnUntraced(function* (webSocket: ServerWebSocket) {
  const all: Array<string | Uint8Array> = []
  while (true) {
    const frames = yield* webSocket.nextFrames()
    if (frames.length === 0) return all
    all.push(...frames)
  }
})

const large = (i: number) => `${i}${"x".repeat(20_000)}`

it.live("frames are taken in order, and whoever waits is woken by the next", () =>
  Effect.gen(function* () {
    const { webSocket, peer } = yield* connected
    const waiting = yield* Effect.forkChild(webSocket.nextFrames(), { startImmediately: true })
    yield* say(peer, "one", "two")
    assert.deepEqual(yield* Fiber.join(waiting), ["one"])
    assert.deepEqual(yield* webSocket.nextFrames(), ["two"])

    peer.write(frame({ opcode: OPCODE.binary, payload: "three" }))
    assert.deepEqual(yield* webSocket.nextFrames(), [Buffer.from("three")])
  })
)

it.live("frames of every size reach the peer whole and in their order, given as bytes or as text", () =>
  Effect.gen(function* () {
    const { webSocket, peer } = yield* connected
    const receiver = new Receiver({ isServer: false })
    const heard: Array<string> = []
    receiver.on("message", (content: Buffer, isBinary: boolean) => {
      assert.isFalse(isBinary)
      heard.push(content.toString())
    })
    peer.pipe(receiver)
    const texts = [0, 1, 125, 126, 127, 4096, 4097, 65_535, 65_536].map((length) =>
      "é".padEnd(length, "x").slice(0, length)
    )

    for (const text of texts) {
      webSocket.sendText(Buffer.from(text))
      webSocket.sendText(text)
    }

    yield* until(Effect.sync(() => heard.length === 2 * texts.length))
    assert.deepEqual(
      heard,
      texts.flatMap((text) => [text, text])
    )
    webSocket.close(1000)
    webSocket.sendText(Buffer.from("after the close frame"))
    yield* until(Effect.sync(() => webSocket.closeCode === 1000))
    assert.lengthOf(heard, 2 * texts.length)
  })
)

it.live("a reader that stops waiting takes nothing from the next", () =>
  Effect.gen(function* () {
    const { webSocket, peer } = yield* connected
    const waiting = yield* Effect.forkChild(webSocket.nextFrames(), { startImmediately: true })
    yield* Fiber.interrupt(waiting)

    yield* say(peer, "one")

    assert.deepEqual(yield* webSocket.nextFrames(), ["one"])
  })
)

for (const [what, frames] of [
  ["much", Array.makeBy(4, large)],
  ["many frames with nothing in them", Array.replicate("", 5000)]
] as const) {
  it.live(`a peer that sent ${what} is not read until that is taken`, () =>
    Effect.gen(function* () {
      const { webSocket, peer } = yield* connected
      yield* say(peer, ...frames)
      yield* until(Effect.sync(() => webSocket.isPaused))

      const taken = [...(yield* webSocket.nextFrames())]
      assert.isFalse(webSocket.isPaused)
      while (taken.length < frames.length) taken.push(...(yield* webSocket.nextFrames()))

      assert.deepEqual(taken, frames)
    })
  )
}

for (const ending of ["closes", "is lost"] as const) {
  it.live(`all that a peer sent before it ${ending} is taken, also when it was not read for long`, () =>
    Effect.gen(function* () {
      const { webSocket, peer } = yield* connected
      const sent = Array.makeBy(10, large)
      yield* say(peer, ...sent)
      if (ending === "closes") peer.write(frame({ opcode: OPCODE.close, payload: Buffer.from([0x03, 0xe8]) }))
      peer.end()
      yield* until(Effect.sync(() => webSocket.isPaused))

      assert.deepEqual(yield* takeAll(webSocket), sent)
      assert.strictEqual(webSocket.closeCode, ending === "closes" ? 1000 : 1006)
      assert.isEmpty(yield* webSocket.nextFrames())
    })
  )
}

it.live("a peer that is refused is read on, so that its answer to the close frame comes through", () =>
  Effect.gen(function* () {
    const { webSocket, peer } = yield* connected
    yield* say(peer, ...Array.makeBy(10, large))
    yield* until(Effect.sync(() => webSocket.isPaused))

    webSocket.refuse(CloseCode.restarting)
    peer.end(frame({ opcode: OPCODE.close, payload: Buffer.from([0x03, 0xf4]) }))

    assert.isEmpty(yield* webSocket.nextFrames())
    assert.strictEqual(webSocket.closeCode, 1012)
  })
)

/** A budget that is exhausted by the second frame, and takes no notice of who joins and leaves. */
const twoFrames = () => {
  let left = 2
  const budget: FrameBudget = {
    take: (source) => {
      if (--left === 0) source.pauseReading()
    },
    join: () => {},
    leave: () => {}
  }
  return budget
}

const numbered = (count: number) => Array.makeBy(count, (i) => `${i}`.padEnd(100, "."))

it.live("a socket whose budget is exhausted is parsed no further than its piece, and loses nothing", () =>
  Effect.gen(function* () {
    const { webSocket, peer } = yield* connected
    webSocket.meter(twoFrames())
    const texts = numbered(100)
    peer.write(Buffer.concat(texts.map((payload) => frame({ opcode: OPCODE.text, payload }))))
    yield* until(Effect.sync(() => webSocket.isPaused))
    const first = yield* webSocket.nextFrames()
    assert.isBelow(first.length, 15)
    assert.isTrue(webSocket.isPaused)

    webSocket.resumeReading()
    assert.deepEqual([...first, ...(yield* webSocket.nextFrames())], texts)
    assert.isFalse(webSocket.isPaused)
  })
)

it.live("a socket whose budget is exhausted is closed all the same, with its peer's close frame read", () =>
  Effect.gen(function* () {
    // The peer has no time limit: nothing but its close frame ends the connection.
    const { webSocket, peer, connection } = yield* connectedWith({ closeTimeout: 3_600_000 })
    webSocket.meter(twoFrames())
    const closing = frame({ opcode: OPCODE.close, payload: Buffer.from([0x0f, 0xa1]) })
    peer.write(
      Buffer.concat([...numbered(100).map((payload) => frame({ opcode: OPCODE.text, payload })), closing])
    )
    yield* until(Effect.sync(() => webSocket.isPaused))
    webSocket.refuse(CloseCode.unauthorized)
    yield* until(Effect.sync(() => connection.writableEnded))
    connection.destroy()
  })
)

for (const [what, opcode] of [
  ["text", OPCODE.text],
  ["ping", OPCODE.ping],
  ["pong", OPCODE.pong]
] as const) {
  it.live(`each ${what} frame is taken from the budget of its socket`, () =>
    Effect.gen(function* () {
      const { webSocket, peer } = yield* connected
      let taken = 0
      webSocket.meter({ take: () => taken++, join: () => {}, leave: () => {} })
      peer.write(Buffer.concat(Array.makeBy(3, () => frame({ opcode }))))
      yield* until(Effect.sync(() => taken === 3))
    })
  )
}
