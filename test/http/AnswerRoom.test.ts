import { EventEmitter } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { AnswerRoom, type RoomAnswer } from "../../src/http/AnswerRoom.ts"

/** An answer that is sent and read as far as the test says. */
class Answer extends EventEmitter implements RoomAnswer {
  closed = false
  headersSent = true
  readBytes = 0
  cuts = 0
  cut() {
    this.cuts++
    this.close()
  }
  whenClosed(listener: () => void) {
    this.once("close", listener)
  }
  close() {
    this.closed = true
    this.emit("close")
  }
}

/** What waits for a part of a room. It has run as far as it comes. */
const taking = (room: AnswerRoom, bytes: number, answer: RoomAnswer = new Answer()) =>
  Effect.forkChild(room.take(bytes, answer), { startImmediately: true })

const isWaiting = (fiber: Fiber.Fiber<void>) => fiber.pollUnsafe() === undefined

const PATIENCE = 1000

/** When parts that are taken now have been kept for as long as they may. */
const later = () => Math.ceil(performance.now()) + PATIENCE

describe("room for answers", () => {
  it.effect("is kept from when there is enough of it until the answer is closed", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const answer = new Answer()
      yield* room.take(60, answer)
      yield* room.take(40, new Answer())
      const second = yield* taking(room, 60)
      assert.isTrue(isWaiting(second))

      answer.close()
      yield* Fiber.join(second)
      assert.isTrue(isWaiting(yield* taking(room, 1)))
    })
  )

  it.effect("is not kept for an answer that is closed before it has room", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const [first, closed] = [new Answer(), new Answer()]
      yield* room.take(100, first)
      const waiting = yield* taking(room, 100, closed)
      closed.close()
      first.close()
      yield* Fiber.join(waiting)
      yield* room.take(100, new Answer())
    })
  )

  it.effect("is given in the order in which it is asked for: small answers do not overtake a large one", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const first = new Answer()
      yield* room.take(60, first)
      const large = yield* taking(room, 80)
      const small = yield* taking(room, 10)
      assert.deepEqual([large, small].map(isWaiting), [true, true])

      first.close()
      yield* Fiber.join(large)
      yield* Fiber.join(small)
    })
  )

  it.effect("is given to the next ones when the one that waited before them ended", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      yield* room.take(60, new Answer())
      const large = yield* taking(room, 80)
      const small = yield* taking(room, 10)

      yield* Fiber.interrupt(large)

      yield* Fiber.join(small)
    })
  )

  it.effect("is taken whole by an answer that is larger", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const first = new Answer()
      yield* room.take(1, first)
      const larger = new Answer()
      const waiting = yield* taking(room, 101, larger)
      assert.isTrue(isWaiting(waiting))

      first.close()
      yield* Fiber.join(waiting)
      const next = yield* taking(room, 1)
      assert.isTrue(isWaiting(next))
      larger.close()
      yield* Fiber.join(next)
    })
  )

  it.effect("is not taken by a request that ended while it waited", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const first = new Answer()
      yield* room.take(100, first)
      yield* Fiber.interrupt(yield* taking(room, 100))
      // Nobody waits any more.
      room.cutSlow(later(), PATIENCE)
      assert.strictEqual(first.cuts, 0)
      first.close()
      yield* room.take(100, new Answer())
    })
  )
})

describe("while others wait for room", () => {
  it.effect("an answer is cut that was not read in its time, and gives way", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const slow = new Answer()
      const before = Math.floor(performance.now())
      yield* room.take(100, slow)
      slow.readBytes = 99
      room.cutSlow(later(), PATIENCE)
      assert.strictEqual(slow.cuts, 0)

      const waiting = yield* taking(room, 100)
      room.cutSlow(before + PATIENCE - 1, PATIENCE)
      assert.strictEqual(slow.cuts, 0)
      room.cutSlow(later(), PATIENCE)
      assert.strictEqual(slow.cuts, 1)
      yield* Fiber.join(waiting)
    })
  )

  it.effect("an answer that is longer than its part stays as long as its peer reads as fast", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const long = new Answer()
      yield* room.take(100, long)
      yield* taking(room, 100)
      const first = later()
      long.readBytes = 100
      room.cutSlow(first, PATIENCE)
      long.readBytes = 200
      room.cutSlow(first + PATIENCE, PATIENCE)
      assert.strictEqual(long.cuts, 0)
      room.cutSlow(first + 2 * PATIENCE, PATIENCE)
      assert.strictEqual(long.cuts, 1)
    })
  )

  it.effect("an answer that is being made is not cut, and has its whole time from when it is sent", () =>
    Effect.gen(function* () {
      const room = new AnswerRoom(100)
      const answer = new Answer()
      answer.headersSent = false
      yield* room.take(100, answer)
      yield* taking(room, 100)
      const sent = later()
      room.cutSlow(sent, PATIENCE)
      answer.headersSent = true
      room.cutSlow(sent + PATIENCE - 1, PATIENCE)
      assert.strictEqual(answer.cuts, 0)
      room.cutSlow(sent + PATIENCE, PATIENCE)
      assert.strictEqual(answer.cuts, 1)
    })
  )
})
