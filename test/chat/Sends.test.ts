import { EventEmitter } from "node:events"
import { assert, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Layer, PubSub, Queue, Result } from "effect"
import { TestClock } from "effect/testing"
import { RecentMessages } from "../../src/chat/RecentMessages.ts"
import { Sends } from "../../src/chat/Sends.ts"
import type { InboxEvent } from "../../src/domain/Event.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"
import { Sessions } from "../../src/presence/Sessions.ts"
import { Redis, RedisError } from "../../src/redis/Redis.ts"
import { RedisBus } from "../../src/redis/RedisBus.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { draft, memoryRepos, newPair } from "../repo/Repos.ts"
import { frameOf, framesInInbox, messageJson } from "../support/Events.ts"
import { chat, memoryServices } from "./Servers.ts"
import { textsOf } from "./Texts.ts"

const services = chat.pipe(Layer.provideMerge(memoryServices), Layer.provideMerge(memoryRepos))

const COMMAND_TIMEOUT = "100 millis"

const noAnswer = Effect.delay(Effect.fail(new RedisError({ cause: "no answer" })), COMMAND_TIMEOUT)

const unanswered = Effect.map(Effect.forkDetach(noAnswer, { startImmediately: true }), Fiber.join)

/** Redis that takes every command of a send and answers none, before anyone notices that it is away. */
const silentRedis = Layer.succeed(Redis, {
  run: () => noAnswer,
  start: () => unanswered,
  batched: () => () => unanswered,
  script: () => () => new Promise(() => {}),
  subscriber: Object.assign(new EventEmitter(), {
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve()
  }) as never,
  sharded: false,
  isUp: () => true,
  outages: () => 0,
  recoveries: Effect.flatMap(PubSub.sliding<void>({ capacity: 1 }), PubSub.subscribe),
  prefix: ""
})

/** The recent list of a user, as texts. */
const recentOf = (user: User) =>
  RecentMessages.use((recent) => Effect.map(recent.list(user.id), ({ page }) => textsOf(page)))

const nobody = { id: UserId.make(MAX_USER_ID) }

/** Runs what waits until other nodes know of this one, by the test's clock. */
const untilKnown = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  yield* Effect.repeat(TestClock.adjust("250 millis"), {
    until: () => fiber.pollUnsafe() !== undefined
  })
  return yield* Fiber.join(fiber)
})

/** What is published for a user from here on. */
const listen = Effect.fnUntraced(function* (user: User) {
  const events = yield* Queue.unbounded<InboxEvent>()
  yield* (yield* RedisBus).subscribe(user.id, { onEvent: (event) => Queue.offerUnsafe(events, event) })
  return { arrived: Effect.map(Queue.clear(events), (all) => all.map(frameOf)) }
})

const framesOf = (user: User) => framesInInbox(user.id)

it.effect("a message that is committed is published for both users, as it stands in their inboxes", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const [toAlice, toBob] = [yield* listen(alice), yield* listen(bob)]

    const { message } = yield* Sends.use((sends) => sends.send(draft(alice, bob, "é 👩‍🚀", "c1")))

    const [sent, received] = [yield* toAlice.arrived, yield* toBob.arrived]
    assert.deepEqual(sent, yield* framesOf(alice))
    assert.deepEqual(received, yield* framesOf(bob))
    assert.deepEqual(
      sent.map((frame) => JSON.parse(frame)),
      [{ type: "message_sent", seq: 1, ...message, client_id: "c1" }]
    )
    assert.deepEqual(
      received.map((frame) => JSON.parse(frame)),
      [{ type: "message", seq: 1, ...message }]
    )
  }).pipe(Effect.provide(services))
)

it.effect("a message counts as delivered when somebody listens for its receiver", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const send = Sends.use((sends) => sends.send(draft(alice, bob)))
    yield* listen(alice)

    assert.isFalse((yield* send).delivered)
    yield* listen(bob)
    assert.isTrue((yield* send).delivered)
  }).pipe(Effect.provide(services))
)

it.effect("a message is in the receiver's recent list once it is answered, and not in the sender's", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const { send } = yield* Sends
    assert.deepEqual(yield* recentOf(bob), [])

    const first = yield* send(draft(alice, bob, "first"))
    const second = yield* send(draft(alice, bob, "second"))

    assert.deepEqual(
      yield* recentOf(bob),
      [second, first].map(({ message }) => messageJson(message))
    )
    assert.deepEqual(yield* recentOf(alice), [])
  }).pipe(Effect.provide(services))
)

it.effect("a repeated send is told again as it was, as the node that committed it may have died before", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const { sendAll } = yield* Sends
    const send = Effect.map(sendAll([draft(alice, bob, "once", "c1")]), ([answer]) =>
      Result.getOrThrow(answer!)
    )
    const { message, inboxes } = yield* send
    assert.strictEqual(inboxes, 2)
    assert.lengthOf(yield* recentOf(bob), 1)
    const [toAlice, toBob] = [yield* listen(alice), yield* listen(bob)]

    assert.deepEqual(yield* send, { message, delivered: true, inboxes: 2 })

    assert.deepEqual(yield* toAlice.arrived, yield* framesOf(alice))
    assert.deepEqual(yield* toBob.arrived, yield* framesOf(bob))
    assert.deepEqual(yield* recentOf(bob), [messageJson(message)])
  }).pipe(Effect.provide(services))
)

it.effect("a send waits for a Redis that does not answer once, and tells this node's own sockets", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const toBob = yield* untilKnown(listen(bob))
    const recent = recentOf(bob)

    const inbox = yield* untilKnown(LiveInboxes.use((live) => live.open(alice.id)))
    const sending = yield* Effect.forkChild(Sends.use((sends) => sends.send(draft(alice, bob))))
    yield* TestClock.adjust(0)
    assert.strictEqual(inbox.head, 1, "this node's sockets need not wait for Redis")
    yield* TestClock.adjust(COMMAND_TIMEOUT)

    const { message, delivered } = yield* Fiber.join(sending)
    assert.isFalse(delivered)
    assert.deepEqual(yield* toBob.arrived, yield* framesOf(bob))
    const reading = yield* Effect.forkChild(recent)
    yield* TestClock.adjust(COMMAND_TIMEOUT)
    assert.deepEqual(yield* Fiber.join(reading), [messageJson(message)])
  }).pipe(
    Effect.provide(
      chat.pipe(
        Layer.provideMerge(Layer.mergeAll(RedisBus.layer, RecentMessages.layer, Sessions.layerMemory)),
        Layer.provide(silentRedis),
        Layer.provideMerge(memoryRepos)
      )
    )
  )
)

it.effect("a send that the database may have committed is in the recent list, though nobody was told", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const { send } = yield* Sends
    assert.deepEqual(yield* recentOf(bob), [])

    const error = yield* Effect.flip(send(draft(alice, bob)))

    assert.strictEqual(error._tag, "Unavailable")
    assert.lengthOf(yield* recentOf(bob), 1)
  }).pipe(
    Effect.provide(
      chat.pipe(
        Layer.provideMerge(memoryServices),
        Layer.provideMerge(
          Layer.effect(
            MessageRepo,
            Effect.map(MessageRepo, (repo) => ({
              ...repo,
              send: (drafts: Parameters<typeof repo.send>[0]) =>
                Effect.as(
                  repo.send(drafts),
                  drafts.map(() => Result.fail(new Unavailable({ dependency: "database", cause: "gone" })))
                )
            }))
          )
        ),
        Layer.provideMerge(memoryRepos)
      )
    )
  )
)

it.effect("a repeated send whose events are gone counts as delivered while its receiver is connected", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const { send } = yield* Sends
    const one = draft(alice, bob, "once", "c1")
    yield* send(one)
    const future = DateTime.add(yield* DateTime.now, { hours: 1 })
    yield* InboxRepo.use((inboxes) => inboxes.prune(future, 1000))

    assert.isFalse((yield* send(one)).delivered)
    const toBob = yield* listen(bob)
    assert.isTrue((yield* send(one)).delivered)

    assert.isEmpty(yield* toBob.arrived)
  }).pipe(Effect.provide(services))
)

it.effect("sends are answered each in its place, and those that are refused are told to nobody", () =>
  Effect.gen(function* () {
    const { alice, bob } = yield* newPair
    const toAlice = yield* listen(alice)

    const answers = yield* Sends.use((sends) =>
      sends.sendAll([
        draft(alice, bob, "first", "c1"),
        draft(alice, nobody),
        draft(nobody, alice),
        draft(alice, bob, "other", "c1"),
        draft(alice, bob, "last")
      ])
    )

    assert.deepEqual(
      answers.map((answer) =>
        Result.match(answer, { onFailure: ({ _tag }) => _tag, onSuccess: ({ message }) => message.content })
      ),
      ["first", "ReceiverNotFound", "SenderNotFound", "ClientIdConflict", "last"]
    )
    assert.lengthOf(yield* toAlice.arrived, 2)
  }).pipe(Effect.provide(services))
)

it.effect("a send whose caller hangs up is committed and published all the same", () =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const slowRepo = Layer.effect(
      MessageRepo,
      Effect.map(MessageRepo, (repo) => ({
        ...repo,
        send: (drafts: Parameters<typeof repo.send>[0]) =>
          Deferred.succeed(reached, undefined).pipe(
            Effect.andThen(Deferred.await(goOn)),
            Effect.andThen(repo.send(drafts))
          )
      }))
    )
    yield* Effect.gen(function* () {
      const { alice, bob } = yield* newPair
      const toBob = yield* listen(bob)

      const sending = yield* Effect.forkChild(Sends.use((sends) => sends.send(draft(alice, bob, "kept"))))
      yield* Deferred.await(reached)
      const hangingUp = yield* Effect.forkChild(Fiber.interrupt(sending), { startImmediately: true })
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(hangingUp)

      assert.deepEqual(yield* toBob.arrived, yield* framesOf(bob))
      assert.lengthOf(yield* framesOf(bob), 1)
    }).pipe(
      Effect.provide(
        chat.pipe(
          Layer.provideMerge(memoryServices),
          Layer.provideMerge(slowRepo),
          Layer.provideMerge(memoryRepos)
        )
      )
    )
  })
)
