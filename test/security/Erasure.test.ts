import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect } from "effect"
import { Redis as IORedis } from "ioredis"
import { Database } from "../../src/database/Database.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl } from "../support/Services.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { until } from "../support/Until.ts"
import { startReceiver } from "../webhooks/Receiver.ts"
import { startNode } from "../webhooks/Servers.ts"
import { placesOf } from "./support/Places.ts"
import { bearer, request } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

type Ask = (
  method: string,
  path: string,
  body?: unknown
  // biome-ignore lint/suspicious/noExplicitAny: what it is, is for the test to assert
) => Effect.Effect<{ readonly status: number; readonly json: any }>

const asking =
  ({ url }: Pick<TestServer, "url">, headers: Record<string, string> = {}): Ask =>
  (method, path, body) =>
    Effect.map(
      request(url + path, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      }),
      ({ status, body: text }) => ({
        status,
        json: path.endsWith("/export") || text === "" ? text : JSON.parse(text)
      })
    )

const erased = (ask: Ask, id: number) =>
  until(Effect.map(ask("DELETE", `/users/${id}`), ({ status }) => status === 204))

describe("the right to erase and to export", () => {
  it.live("is the user's own and the application's, and the token is good for nothing else after it", () =>
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const server = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
      const service = asking(server, bearer(yield* keys.mint({ scope: "service" })))
      for (const username of ["alice", "bob", "carol"]) yield* service("POST", "/users/", { username })
      const token = yield* keys.mint({ sub: "1" })
      const alice = asking(server, bearer(token))
      const bob = asking(server, bearer(yield* keys.mint({ sub: "2" })))
      for (const [method, path] of [
        ["DELETE", "/users/1"],
        ["GET", "/users/1/export"]
      ] as const) {
        assert.strictEqual((yield* bob(method, path)).status, 403)
        assert.strictEqual((yield* asking(server)(method, path)).status, 401)
      }
      assert.strictEqual((yield* alice("GET", "/users/1/export")).status, 200)
      assert.strictEqual((yield* service("GET", "/users/1/export")).status, 200)
      const { closed } = yield* openSocket(`${server.webSocketUrl}/ws/1`, { headers: bearer(token) })

      assert.strictEqual((yield* alice("DELETE", "/users/1")).status, 202)
      assert.deepEqual(yield* closed, { code: 4004, reason: "User not found" })
      yield* erased(alice, 1)
      for (const [method, path, body] of [
        ["GET", "/users/", undefined],
        ["GET", "/users/me", undefined],
        ["GET", "/users/2", undefined],
        ["GET", "/users/1/export", undefined],
        ["GET", "/users/1/events?since=0", undefined],
        ["POST", "/messages/", { receiver_id: 2, content: "hello" }],
        ["POST", "/conversations/", { kind: "direct", with: 2 }]
      ] as const)
        assert.strictEqual((yield* alice(method, path, body)).status, 403, path)
      const late = yield* Effect.flip(openSocket(`${server.webSocketUrl}/ws/1`, { headers: bearer(token) }))
      assert.strictEqual(late.status, 403)
      assert.strictEqual((yield* service("DELETE", "/users/3")).status, 202)
    })
  )
})

const MARKER = "Xylophon"

describe.runIf(databaseUrl !== undefined && redisUrl !== undefined)("an erased user of two nodes", () => {
  it.live(
    "leaves nothing that it wrote in any table or key, and its sockets are closed on both",
    () =>
      Effect.gen(function* () {
        const [database, redis] = [yield* freshDatabase, yield* freshRedis]
        // It takes no event until the user is erased: each one waits in the queue.
        const receiver = yield* startReceiver
        receiver.respond = (_, response) => response.writeHead(503).end()
        const timings = { firstRetry: Duration.millis(200), longestRetry: Duration.millis(400) }
        const nodes = yield* Effect.replicateEffect(
          startNode([receiver.url], { ...database, ...redis, timings }),
          2
        )
        const servers = nodes.map(({ server }) => server)
        const [first, second] = servers as [TestServer, TestServer]
        const ask = asking(first)
        const client = yield* Effect.acquireRelease(
          Effect.sync(() => new IORedis(redisUrl!)),
          (client) => Effect.sync(() => client.disconnect())
        )
        const { pipeline: sql } = Context.get(first.services, Database)
        const user = (username: string, display_name: string) =>
          Effect.map(ask("POST", "/users/", { username, display_name }), ({ json }) => json.id as number)
        const profile = { display_name: `${MARKER} Display`, metadata: { [MARKER]: MARKER } }
        const put = yield* ask("PUT", `/users/by-external-id/${MARKER}`, {
          username: `${MARKER}name`,
          avatar_url: `https://example.com/${MARKER}.png`,
          ...profile
        })
        assert.strictEqual(put.status, 200)
        const alice: number = put.json.id
        const [bob, carol] = [yield* user("bob", "Bob"), yield* user("carol", "Carol")]
        const write = (
          call: Effect.Effect<{ readonly status: number; readonly json: { readonly id: number } }>
        ) =>
          Effect.map(call, ({ status, json }) => {
            assert.strictEqual(status, 200)
            return json
          })

        // Every field that a user writes, in a direct conversation, in a group with others and in one of its own.
        const message = { content: `${MARKER} content`, metadata: { [MARKER]: `${MARKER} metadata` } }
        const direct = yield* write(
          ask("POST", "/messages/", {
            sender_id: alice,
            receiver_id: bob,
            client_id: `${MARKER} client`,
            ...message
          })
        )
        yield* write(
          ask("POST", "/messages/", {
            sender_id: bob,
            receiver_id: alice,
            content: "what?",
            reply_to_id: direct.id
          })
        )
        const made = { user_id: alice, kind: "group", client_id: `${MARKER} group` }
        const own = yield* write(
          ask("POST", "/conversations/", {
            ...made,
            client_id: `${MARKER} own`,
            title: `${MARKER} title`,
            metadata: { [MARKER]: MARKER },
            member_ids: []
          })
        )
        yield* write(
          ask("POST", "/messages/", { sender_id: alice, conversation_id: own.id, content: MARKER })
        )
        const hikes = yield* write(
          ask("POST", "/conversations/", { ...made, title: "Hikes", member_ids: [bob, carol] })
        )
        const talk = yield* write(
          ask("POST", "/messages/", { sender_id: alice, conversation_id: hikes.id, ...message })
        )
        yield* write(ask("PATCH", `/messages/${talk.id}`, { user_id: alice, content: `${MARKER} edited` }))
        yield* ask("PUT", `/conversations/${hikes.id}/members/${carol}`, { user_id: alice, role: "admin" })
        const club = yield* write(
          ask("POST", "/conversations/", { user_id: bob, kind: "group", title: "Club", member_ids: [carol] })
        )
        yield* ask("PUT", `/conversations/${club.id}/members/${alice}`, { user_id: bob })
        yield* ask("DELETE", `/conversations/${club.id}/members/${carol}?user_id=${carol}`)
        yield* write(ask("POST", "/conversations/", { user_id: carol, kind: "direct", with: alice }))
        const rude = yield* write(
          ask("POST", "/messages/", { sender_id: bob, conversation_id: hikes.id, content: "rude" })
        )
        const report = yield* ask("POST", `/messages/${rude.id}/report`, { user_id: alice, reason: MARKER })
        assert.isBelow(report.status, 300)
        const about = yield* ask("POST", `/messages/${talk.id}/report`, { user_id: carol, reason: "spam" })
        assert.isBelow(about.status, 300)
        // The report keeps the text that its author takes back.
        yield* write(ask("PATCH", `/messages/${talk.id}`, { user_id: alice, content: "nothing" }))
        const [mine, copy] = (yield* ask("GET", "/reports/")).json.reports
        assert.strictEqual(mine.reported.content, "rude")
        assert.strictEqual(copy.reported.content, `${MARKER} edited`)
        for (const [by, other] of [
          [alice, carol],
          [carol, alice]
        ])
          assert.isBelow((yield* ask("PUT", `/users/${by}/blocks/${other}`)).status, 300)
        yield* write(ask("PATCH", `/users/${alice}`, { ...profile, display_name: `${MARKER} again` }))
        for (const id of [alice, bob]) yield* ask("GET", `/messages/recent/${id}`)
        const sockets = yield* Effect.forEach(servers, ({ webSocketUrl }) =>
          openSocket(`${webSocketUrl}/ws/${alice}`)
        )
        yield* Effect.forEach(sockets, ({ nextOf }) => nextOf("system"))

        const found = placesOf(MARKER, sql, client, redis.redisPrefix)
        /** What is stored under the id of the user. The look of a name is no text that has the marker. */
        const stored = Effect.map(
          sql`SELECT username, display_name, external_id, avatar_url, metadata,
              ARRAY(SELECT user_id FROM username_looks WHERE user_id = u.id) AS looks,
              ARRAY(SELECT DISTINCT user_id FROM user_names WHERE user_id = u.id) AS names,
              ARRAY(SELECT DISTINCT user_id FROM inbox_events WHERE user_id = u.id) AS events
            FROM users u WHERE id = ${alice}::int`,
          ([row]) => row
        )
        const before = yield* found
        assert.includeMembers(before, ["users", "user_names", "messages"])
        assert.includeMembers(before, ["conversations", "inbox_events", "reports"])
        assert.deepEqual(yield* stored, {
          username: `${MARKER}name`,
          display_name: `${MARKER} again`,
          external_id: MARKER,
          avatar_url: `https://example.com/${MARKER}.png`,
          metadata: { [MARKER]: MARKER },
          looks: [alice],
          names: [alice],
          events: [alice]
        })
        assert.lengthOf(yield* sql`SELECT FROM blocks`, 2)
        assert.isAbove(yield* nodes[0]!.waiting, 0)
        assert.isTrue(before.some((place) => place.includes(`user:${bob}:recent`)))

        assert.strictEqual((yield* ask("DELETE", `/users/${alice}`)).status, 202)
        for (const { closed } of sockets) assert.strictEqual((yield* closed).code, 4004)
        yield* erased(asking(second), alice)

        assert.deepEqual(yield* found, [])
        assert.deepEqual(yield* stored, {
          username: `deleted-${alice}`,
          display_name: "",
          external_id: null,
          avatar_url: null,
          metadata: null,
          looks: [],
          names: [],
          events: []
        })
        assert.deepEqual(yield* sql`SELECT * FROM blocks`, [])
        const { reporter_id: _, reason: __, ...left } = mine
        const [ofAlice, kept, ...others] = (yield* ask("GET", "/reports/")).json.reports
        assert.deepEqual([ofAlice, ...others], [left])
        // The report that another user made stays, without the text.
        assert.deepEqual(
          [kept.id, kept.reporter_id, kept.reason, kept.reported.content, kept.message.content],
          [copy.id, carol, "spam", "", ""]
        )
        assert.strictEqual((yield* ask("GET", `/users/by-external-id/${MARKER}`)).status, 404)
        assert.deepEqual((yield* ask("GET", `/users/?q=${MARKER}`)).json, [])
        assert.deepEqual((yield* ask("GET", `/messages/search?user_id=${bob}&q=${MARKER}`)).json.messages, [])
        receiver.received.length = 0
        receiver.respond = (_, response) => response.writeHead(204).end()
        yield* until(Effect.map(nodes[0]!.waiting, (count) => count === 0))
        assert.isNotEmpty(receiver.of("user.deleted"))
        for (const { body } of receiver.received) assert.notInclude(body.toLowerCase(), MARKER.toLowerCase())
        const group = (yield* ask("GET", `/conversations/${hikes.id}?user_id=${bob}`)).json
        assert.deepInclude(group, { title: "Hikes", member_count: 2 })
        const replay = (yield* ask("GET", `/users/${bob}/events?since=0&limit=1000`)).json
        assert.notInclude(JSON.stringify(replay), MARKER)
        assert.isTrue(replay.recovered)
      }),
    60_000
  )
})
