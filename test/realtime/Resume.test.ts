import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Effect, Fiber, Random } from "effect"
import type { ServerFrame } from "../../src/api/Protocol.ts"
import { startServer } from "../support/TestServer.ts"
import {
  ChatServer,
  type ChatSocket,
  chatOn,
  hasSharedServices,
  sharedServices
} from "./support/ChatServer.ts"

type Chat = ChatServer["Service"]

/** How many messages are sent while sockets come back, and how many sockets do. */
const SENT = 240
const RESUMES = 40

const isEvent = (frame: ServerFrame) => frame.type === "message" || frame.type === "message_sent"

/** What a socket gets up to the event `last`, and the end of its replay. */
const readUntil = (socket: ChatSocket, last: number) =>
  Effect.gen(function* () {
    const frames: Array<ServerFrame> = []
    let seen = 0
    for (let hasResumed = false; !hasResumed || seen < last; ) {
      const frame = yield* socket.next
      if (isEvent(frame)) seen = frame.seq
      hasResumed ||= frame.type === "resumed"
      frames.push(frame)
    }
    return frames
  })

const seqs = (frames: ReadonlyArray<ServerFrame>) =>
  frames.flatMap((frame) => (isEvent(frame) ? [frame.seq] : []))

/** Two users talk through one node, and sockets of one of them come back to the other at any moment. */
const resumeWhileTalking = Effect.fnUntraced(function* (talkOn: Chat, resumeOn: Chat) {
  const [alice, bob] = [yield* talkOn.newUser, yield* talkOn.newUser]

  const resumeOnce = Effect.fnUntraced(function* (head: number) {
    const since = yield* Random.nextIntBetween(0, head)
    const socket = yield* resumeOn.connect(bob, { since })
    const [greeting, ...frames] = yield* readUntil(socket, SENT)

    assert.include(greeting, { type: "system", cursor: since })
    assert.deepStrictEqual(seqs(frames), Array.range(since + 1, SENT), `since ${since}`)
    const replayed = frames.findIndex(({ type }) => type === "resumed")
    const cursor = seqs(frames.slice(0, replayed)).at(-1) ?? since
    assert.deepStrictEqual<unknown>(frames[replayed], { type: "resumed", recovered: true, cursor })
    assert.strictEqual(frames.filter((frame) => !isEvent(frame)).length, 1)
  }, Effect.scoped)

  const comeAndGo = Effect.gen(function* () {
    const seen: Array<number> = []
    while (seen.length < SENT) {
      const socket = yield* resumeOn.connect(bob, { since: seen.length })
      const patience = yield* Random.nextIntBetween(0, SENT / 4)
      seen.push(...seqs(yield* readUntil(socket, Math.min(SENT, seen.length + patience))))
      socket.socket.terminate()
    }
    assert.deepStrictEqual(seen, Array.range(1, SENT))
  }).pipe(Effect.scoped)

  const sockets = yield* Effect.replicateEffect(Effect.forkScoped(comeAndGo), 3)
  let head = 0
  const say = Effect.fnUntraced(function* (i: number) {
    yield* i % 3 === 0 ? talkOn.post(bob, alice, `b${i}`) : talkOn.post(alice, bob, `a${i}`)
    if (++head % (SENT / RESUMES) === 0) sockets.push(yield* Effect.forkScoped(resumeOnce(head)))
  })
  yield* Effect.forEach(Array.range(1, SENT), say, { concurrency: 4, discard: true })
  yield* Effect.forEach(sockets, Fiber.join)
})

layer(ChatServer.layer(), { excludeTestServices: true })("a resume", (it) => {
  it.effect("from any place gets every later event once, in order, while more are sent", () =>
    Effect.flatMap(ChatServer, (chat) => resumeWhileTalking(chat, chat))
  )
})

describe.runIf(hasSharedServices)("a resume on another node", () => {
  it.live("gets every later event once, in order, while more are sent", () =>
    Effect.gen(function* () {
      const services = yield* sharedServices
      const nodes = Effect.flatMap(startServer(services), chatOn)
      const [a, b] = [yield* nodes, yield* nodes]
      yield* resumeWhileTalking(a, b)
    })
  )
})
