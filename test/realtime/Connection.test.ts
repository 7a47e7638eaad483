import { assert, it } from "@effect/vitest"
import { Array, Context, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { InboxEvent } from "../../src/domain/Event.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import { InboxReader } from "../../src/inbox/InboxReader.ts"
import { frameOf, messageEvent } from "../support/Events.ts"
import { fakeConnection } from "./support/FakeConnection.ts"

const event = (seq: number): InboxEvent => messageEvent("message", seq, '{"id":1}')

const frames = (from: number, to: number) => Array.range(from, to).map((seq) => frameOf(event(seq)))

/** An inbox whose events from `first` on are kept; every page that is read is noted. */
const inboxOf = (last: number, first = 1) => {
  const pages: Array<number> = []
  return Layer.mock(InboxReader, {
    events: (_, after, limit) =>
      Effect.sync(() => {
        pages.push(after)
        return Array.range(Math.max(first, after + 1), last)
          .slice(0, limit)
          .map(event)
      }).pipe(Effect.tap(Effect.yieldNow))
  }).pipe(Layer.merge(Layer.succeed(Pages, pages)))
}

class Pages extends Context.Service<Pages, Array<number>>()("minichat/test/Pages") {}

const FULL = 64 * 1024 + 1

/** Lets every fiber that can go on do so. */
const settled = Effect.yieldNow.pipe(Effect.repeat({ times: 100 }))

it.effect("a connection that keeps up is given events from memory", () =>
  Effect.gen(function* () {
    const { inbox, webSocket } = yield* fakeConnection()
    for (const seq of [1, 2, 3]) inbox.offer(event(seq))
    assert.deepStrictEqual(webSocket.frames, frames(1, 3))
    assert.isEmpty(yield* Pages)
  }).pipe(Effect.provide(inboxOf(3)))
)

it.effect("all connections of a user are given the bytes of one frame, which is encoded once", () =>
  Effect.gen(function* () {
    const first = yield* fakeConnection()
    const second = yield* fakeConnection({ inbox: first.inbox })
    first.inbox.offer(event(1))
    assert.instanceOf(first.webSocket.given[0], Buffer)
    assert.strictEqual(second.webSocket.given[0], first.webSocket.given[0])
  }).pipe(Effect.provide(inboxOf(1)))
)

it.effect("a connection that is behind reads on where it stands, and no event twice", () =>
  Effect.gen(function* () {
    const { inbox, webSocket } = yield* fakeConnection({ sent: 10 })
    inbox.learn(150, 0)
    inbox.offer(event(151))
    yield* settled
    assert.deepStrictEqual(webSocket.frames, frames(11, 151))
    assert.deepStrictEqual(yield* Pages, [10, 74, 138])
  }).pipe(Effect.provide(inboxOf(151)))
)

it.effect("an event that is lost on the way is read before the one that follows it", () =>
  Effect.gen(function* () {
    const { inbox, webSocket } = yield* fakeConnection()
    inbox.offer(event(1))
    inbox.offer(event(3))
    inbox.offer(event(2))
    yield* settled
    assert.deepStrictEqual(webSocket.frames, frames(1, 3))
  }).pipe(Effect.provide(inboxOf(3)))
)

it.effect("a connection whose events were pruned is closed to come back, and the inbox knows why", () =>
  Effect.gen(function* () {
    const { inbox, webSocket } = yield* fakeConnection()
    inbox.learn(5, 0)
    yield* settled
    assert.strictEqual(webSocket.closedWith?.code, 4008)
    assert.isEmpty(webSocket.frames)
    assert.isAtLeast(inbox.pruned, 1)
  }).pipe(Effect.provide(inboxOf(5, 3)))
)

it.effect("what the inbox knows to be pruned is not unlearned from an older answer", () =>
  Effect.gen(function* () {
    const { inbox } = yield* fakeConnection({ sent: 5 })
    inbox.learn(5, 3)
    inbox.learn(5, 0)
    assert.strictEqual(inbox.pruned, 3)
  }).pipe(Effect.provide(inboxOf(5, 4)))
)

it.effect("a connection waits until an unavailable database answers", () =>
  Effect.gen(function* () {
    const { inbox, webSocket } = yield* fakeConnection()
    inbox.learn(2, 0)
    yield* TestClock.adjust("10 seconds")
    assert.isEmpty(webSocket.frames)
    isAway = false
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(webSocket.frames, frames(1, 2))
    assert.isUndefined(webSocket.closedWith)
  }).pipe(
    Effect.provide(
      Layer.mock(InboxReader, {
        events: () =>
          Effect.suspend(() =>
            isAway
              ? Effect.fail(new Unavailable({ dependency: "database", cause: "away" }))
              : Effect.succeed([event(1), event(2)])
          )
      })
    )
  )
)
let isAway = true

it.effect("a connection whose inbox cannot be read is closed with 1011", () =>
  Effect.gen(function* () {
    const { inbox, webSocket } = yield* fakeConnection()
    inbox.learn(1, 0)
    yield* settled
    assert.strictEqual(webSocket.closedWith?.code, 1011)
  }).pipe(Effect.provide(Layer.mock(InboxReader, { events: () => Effect.die("broken") })))
)

it.effect("a peer that does not read is written nothing more, and goes on where it was once it reads", () =>
  Effect.gen(function* () {
    const { connection, inbox, webSocket, tcp } = yield* fakeConnection()
    inbox.offer(event(1))
    tcp.writableLength = FULL
    inbox.offer(event(2))
    inbox.learn(200, 0)
    connection.sendIfWritable("a pong")
    const answer = yield* Effect.forkChild(connection.sendWhenWritable("an ack"))
    yield* TestClock.adjust("29 seconds")
    assert.deepStrictEqual(webSocket.frames, frames(1, 1))

    tcp.drain()
    yield* Fiber.join(answer)
    yield* settled
    const events = webSocket.frames.filter((frame) => frame !== "an ack")
    assert.deepStrictEqual(events, frames(1, 200))
    assert.lengthOf(webSocket.frames, 201)
    assert.isUndefined(webSocket.closedWith)
    assert.strictEqual(tcp.listenerCount("drain") + tcp.listenerCount("close"), 0)
  }).pipe(Effect.provide(inboxOf(200)))
)

it.effect(
  "a peer that stops reading in the middle of a replay is waited for, and no page is read meanwhile",
  () =>
    Effect.gen(function* () {
      const { inbox, webSocket, tcp } = yield* fakeConnection()
      webSocket.onText = () => {
        tcp.writableLength += 1000
      }
      inbox.learn(200, 0)
      yield* settled
      assert.deepStrictEqual(webSocket.frames, frames(1, 66))
      assert.deepStrictEqual(yield* Pages, [0, 64])

      tcp.drain()
      yield* settled
      assert.deepStrictEqual(webSocket.frames, frames(1, 132))
      assert.deepStrictEqual(yield* Pages, [0, 64, 66, 130])

      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(webSocket.closedWith?.code, 4008)
    }).pipe(Effect.provide(inboxOf(200)))
)

it.effect("a peer that reads on the moment that the writer begins to wait for it is not kept waiting", () =>
  Effect.gen(function* () {
    const { inbox, webSocket, tcp } = yield* fakeConnection()
    let isFull = true
    Object.defineProperty(tcp, "writableLength", {
      get: () => {
        isFull &&= !webSocket.isStalled
        return isFull ? FULL : 0
      }
    })
    inbox.offer(event(1))
    yield* settled
    assert.deepStrictEqual(webSocket.frames, frames(1, 1))
  }).pipe(Effect.provide(inboxOf(1)))
)

it.effect("a peer that has not read for 30 seconds is closed with 4008", () =>
  Effect.gen(function* () {
    const { inbox, webSocket, tcp } = yield* fakeConnection()
    tcp.writableLength = FULL
    inbox.offer(event(1))
    yield* TestClock.adjust("29 seconds")
    assert.isUndefined(webSocket.closedWith)
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(webSocket.closedWith, { code: 4008, reason: "Too slow to read" })
    assert.isEmpty(webSocket.frames)
    assert.strictEqual(tcp.listenerCount("drain") + tcp.listenerCount("close"), 0)
  }).pipe(Effect.provide(inboxOf(1)))
)

it.effect("a peer that does not read misses frames without a number, and no event, in order", () =>
  Effect.gen(function* () {
    const { inbox, webSocket, tcp } = yield* fakeConnection()
    const typing = Buffer.from('{"type":"typing"}')
    inbox.offer(event(1))
    inbox.pass(typing)
    tcp.writableLength = FULL
    inbox.offer(event(2))
    inbox.pass(typing)
    inbox.offer(event(3))
    inbox.pass(typing)
    tcp.drain()
    yield* settled
    inbox.pass(typing)
    assert.deepStrictEqual(webSocket.frames, [
      ...frames(1, 1),
      '{"type":"typing"}',
      ...frames(2, 3),
      '{"type":"typing"}'
    ])
  }).pipe(Effect.provide(inboxOf(3)))
)

it.effect("a connection of the original protocol gets no frames without a number", () =>
  Effect.gen(function* () {
    const { connection, inbox, webSocket } = yield* fakeConnection({ protocol: "minichat.v1" })
    inbox.pass(Buffer.from('{"type":"typing"}'))
    assert.isFalse(connection.pass(Buffer.from('{"type":"presence"}')))
    inbox.offer(event(1))
    assert.deepStrictEqual(webSocket.frames, frames(1, 1))
  }).pipe(Effect.provide(inboxOf(1)))
)

it.effect("who left an inbox is passed nothing more", () =>
  Effect.gen(function* () {
    const { inbox } = yield* fakeConnection()
    const passed: Array<Uint8Array> = []
    const leave = inbox.follow(
      () => {},
      (frame) => passed.push(frame)
    )
    inbox.pass(Buffer.from("1"))
    leave()
    inbox.pass(Buffer.from("2"))
    assert.lengthOf(passed, 1)
  }).pipe(Effect.provide(inboxOf(1)))
)
