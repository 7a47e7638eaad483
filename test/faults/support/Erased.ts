import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Redis as IORedis } from "ioredis"
import { placesOf } from "../../security/support/Places.ts"
import { startReceiver } from "../../webhooks/Receiver.ts"
import { SECRET } from "../../webhooks/Servers.ts"
import * as Deployment from "./Deployment.ts"
import { post, request } from "./Http.ts"
import { RedisServer } from "./RedisServer.ts"
import { until } from "./Until.ts"

/** About twenty steps of an erasure: a fault comes between the first and the last. */
export const MESSAGES = 10_000

const MARKER = "Xylophon"
const FINISHED_WITHIN = "120 seconds"
const PAGE = 1000

/** Enough deliveries to have those of the messages that were sent, and some of those that were deleted. */
const DELIVERIES = 100

interface Shown {
  readonly id: number
  readonly content: string
  readonly deleted_at?: string
}

const json = (url: string) => Effect.map(request(url), ({ body }) => JSON.parse(body))

/**
 * Two nodes, and a user to erase who wrote a marker wherever a user writes: in many messages to a peer who is connected, in a group, in a
 * report and its copy. No webhook is taken until the user is erased.
 */
export const make = Effect.gen(function* () {
  const receiver = yield* startReceiver
  receiver.respond = (_, response) => response.writeHead(503).end()
  const deployment = yield* Deployment.make({
    clients: 1,
    env: { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET }
  })
  const { nodes, sql, urls } = deployment
  const bob = deployment.users[0]!
  const peer = deployment.clients[0]!
  const alice: number = JSON.parse(
    (yield* post(`${urls[0]}/users/`, { username: `${MARKER}1`, display_name: MARKER })).body
  ).id
  const redis = yield* Effect.acquireRelease(
    Effect.map(RedisServer, ({ url }) => new IORedis(url)),
    (client) => Effect.sync(() => client.disconnect())
  )
  // It is killed and frozen in these tests.
  redis.on("error", () => {})

  const message = { sender_id: alice, content: `a ${MARKER}`, metadata: { note: MARKER } }
  const sent = JSON.parse((yield* post(`${urls[0]}/messages/`, { ...message, receiver_id: bob })).body)
  const group = JSON.parse(
    (yield* post(`${urls[0]}/conversations/`, {
      user_id: alice,
      kind: "group",
      title: "Hikes",
      member_ids: [bob]
    })).body
  )
  yield* post(`${urls[0]}/messages/`, { ...message, conversation_id: group.id })
  yield* post(`${urls[0]}/messages/${sent.id}/report`, { user_id: bob, reason: "odd" })
  // Many messages, of which neither an inbox nor the queue of webhooks has heard.
  yield* Effect.orDie(
    sql`SET LOCAL session_replication_role = replica`.pipe(
      Effect.andThen(sql`
        INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
        SELECT ${alice}::int, ${bob}::int, ${sent.conversation_id}::bigint, ${`a ${MARKER}`}, clock_timestamp()
        FROM generate_series(2, ${MESSAGES}::int)`),
      sql.withTransaction
    )
  )

  /** A conversation as a client loads it anew, by id. */
  const load = Effect.fnUntraced(function* (url: string, conversationId: number) {
    const loaded = new Map<number, string>()
    for (let before = ""; ; ) {
      const page: ReadonlyArray<Shown> = yield* json(
        `${url}/messages/?user_id=${bob}&conversation_id=${conversationId}&limit=${PAGE}${before}`
      )
      for (const shown of page) loaded.set(shown.id, stateOf(shown))
      if (page.length < PAGE) return loaded
      before = `&before_id=${page.at(-1)!.id}`
    }
  })

  const known = yield* load(urls[0]!, sent.conversation_id)
  assert.strictEqual(known.size, MESSAGES)
  const { cursor } = yield* json(`${urls[0]}/users/${bob}/events?since=0&limit=1000`)
  // Redis has an answer that holds the content.
  yield* json(`${urls[0]}/messages/recent/${bob}`)
  const found = placesOf(MARKER, sql, redis, "")
  assert.includeMembers([...(yield* found)], ["users", "messages", "reports"])

  const left = Effect.map(
    sql<{ readonly left: number }>`SELECT count(*)::int AS left FROM messages WHERE content <> ''`,
    (rows) => rows[0]!.left
  )
  const order = (url: string) => request(`${url}/users/${alice}`, { method: "DELETE" })

  /** Waits until the erasure went on from where it stands. */
  const untilLess = Effect.flatMap(left, (before) =>
    until(
      "a part is erased",
      Effect.map(left, (count) => count < before),
      FINISHED_WITHIN
    )
  )

  /** Waits for the end of the erasure, and asserts that nothing is left of what the user wrote, and that peers know. */
  const conclude = Effect.fnUntraced(function* (url: string) {
    yield* until(
      "the erasure is finished",
      Effect.map(order(url), ({ status }) => status === 204),
      FINISHED_WITHIN
    )
    assert.deepEqual(yield* found, [])
    assert.deepEqual((yield* json(`${url}/messages/search?user_id=${bob}&q=${MARKER}`)).messages, [])

    // What a client adds up from its cursor on is what a fresh load is.
    const now = yield* load(url, sent.conversation_id)
    assert.deepEqual([...new Set(now.values())], ["deleted"])
    for (let since = cursor; ; ) {
      const page = yield* json(`${url}/users/${bob}/events?since=${since}&limit=${PAGE}`)
      assert.isTrue(page.recovered)
      for (const id of deletionsOf(page.events)) if (known.has(id)) known.set(id, "deleted")
      if (page.events.length === 0) break
      since = page.cursor
    }
    assert.deepEqual([...new Set(known.values())], ["deleted"])
    assert.deepEqual([...known.keys()].sort(), [...now.keys()].sort())
    yield* until(
      "the connected peer has heard of each message",
      Effect.sync(() => deletionsOf(peer.received.map(({ event }) => event)).length >= MESSAGES + 1),
      "30 seconds"
    )
    const deleted = deletionsOf(peer.received.map(({ event }) => event))
    assert.lengthOf(deleted, MESSAGES + 1)
    assert.strictEqual(new Set(deleted).size, deleted.length, "no event comes twice")
    assert.isFalse(peer.visits.some(({ unrecovered }) => unrecovered))

    receiver.received.length = 0
    receiver.respond = (_, response) => response.writeHead(204).end()
    yield* receiver.got(DELIVERIES)
    for (const { body } of receiver.received) assert.notInclude(body.toLowerCase(), MARKER.toLowerCase())
  })

  return { nodes, urls, sql, order, left, untilLess, conclude, startNode: deployment.startNode }
})

const stateOf = ({ content, deleted_at }: Shown) => (deleted_at === undefined ? content : "deleted")

const deletionsOf = (events: ReadonlyArray<{ readonly type: string; readonly message_id?: number }>) =>
  events.flatMap(({ type, message_id }) => (type === "message_deleted" ? [message_id!] : []))
