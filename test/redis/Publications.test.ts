import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { InboxEvent } from "../../src/domain/Event.ts"
import { UserId } from "../../src/domain/User.ts"
import { EventBuilder, EventKinds } from "../../src/inbox/EventKinds.ts"
import { channelOf } from "../../src/redis/Channels.ts"
import { PUBLISH, type Publication, payloadOf, scriptArguments } from "../../src/redis/Publications.ts"
import { Redis } from "../../src/redis/Redis.ts"
import { freshRedisNode, redisClient } from "../presence/Nodes.ts"
import { COMMITTED_AT, messageEvent } from "../support/Events.ts"
import { redisUrl } from "../support/Services.ts"
import { until } from "../support/Until.ts"

const EPOCH = "0e45f8afddac"
const KEY = Buffer.alloc(32, 1)

const publication = (userId: number, event: InboxEvent, channelStart = "p:e:user:"): Publication => ({
  channelStart,
  userId: UserId.make(userId),
  event,
  epoch: EPOCH,
  key: KEY
})

/** The events that report one message to a group, at a number of their own in each inbox. */
const groupEvents = Effect.fnUntraced(function* (members: number, content: string) {
  const { build } = new EventBuilder(yield* EventKinds).prepare({
    type: "reaction",
    committedAt: COMMITTED_AT,
    message: undefined,
    clientId: undefined,
    payload: { content }
  })
  return Array.from({ length: members }, (_, i) => publication(i + 1, build(10 ** (i % 5) + i)))
})

const bytesOf = (scripts: ReadonlyArray<ReadonlyArray<string>>) =>
  scripts.flat().reduce((bytes, argument) => bytes + Buffer.byteLength(argument), 0)

it.effect("what the events of a group share is sent once a script, of at most 500 events", () =>
  Effect.gen(function* () {
    const events = yield* groupEvents(1000, "x".repeat(300))
    const scripts = scriptArguments(events)
    assert.lengthOf(scripts, 2)
    const apart = events.reduce(
      (bytes, event) => bytes + payloadOf(event).length + channelOf(event).length,
      0
    )
    assert.isAbove(apart, 400_000)
    assert.isBelow(bytesOf(scripts), apart / 8)
  })
)

it("events that share nothing are sent as they are", () => {
  const [first, second] = [messageEvent("message", 1, '{"a":1}'), messageEvent("message_sent", 2, '{"a":1}')]
  const [one, other] = [publication(1, first), publication(2, second)]
  assert.deepStrictEqual(scriptArguments([one, other]), [
    ["0", "p:e:user:1:events", payloadOf(one), "0", "p:e:user:2:events", payloadOf(other)]
  ])
  assert.isEmpty(scriptArguments([]))
})

describe.runIf(redisUrl !== undefined)("with TEST_REDIS_URL", () => {
  it.live("Redis puts the payloads together as a node that sends each whole one, in their order", () =>
    Effect.gen(function* () {
      const { run, script, prefix } = yield* Redis
      const client = yield* redisClient
      const heard: Array<readonly [string, Buffer]> = []
      client.on("pmessageBuffer", (_, channel: Buffer, payload: Buffer) =>
        heard.push([String(channel), payload])
      )
      yield* Effect.promise(() => client.psubscribe(`${prefix}*:events`))
      const start = `${prefix}${EPOCH}:user:`
      const older = `${prefix}user:`
      const group = (yield* groupEvents(7, 'é 👩‍🚀 "\\" \u2028\n 1042')).map((each) => ({
        ...each,
        channelStart: start
      }))
      const publications = [
        publication(90, messageEvent("message", 41, '{"content":"é"}'), start),
        ...group,
        publication(91, messageEvent("message_sent", 42, "{}"), start),
        ...group.map((each) => ({ ...each, channelStart: older })),
        ...(yield* groupEvents(600, "another")).map((each) => ({ ...each, channelStart: start }))
      ]
      const publish = script<ReadonlyArray<number>>(PUBLISH)
      const answers = yield* Effect.forEach(scriptArguments(publications), (args) =>
        run((redis) => publish(redis, [], args))
      )
      yield* until(Effect.sync(() => heard.length >= publications.length))
      assert.deepStrictEqual(
        heard,
        publications.map((each) => [channelOf(each), Buffer.from(payloadOf(each))])
      )
      assert.lengthOf(answers.flat(), publications.length)
    }).pipe(Effect.provide(Layer.fresh(freshRedisNode)))
  )
})
