import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { until } from "../support/Until.ts"
import { type Answer, bearer, post, request } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

const [ALICE, BOB] = [1, 2]
const SUSPENSION = `/users/${ALICE}/suspension`

type Headers = Readonly<Record<string, string>>

/** Nodes that share nothing but the database, with two users who have a direct conversation and a group. */
const setUp = Effect.fnUntraced(function* (database: Parameters<typeof startServer>[0], count = 1) {
  const keys = yield* makeKeys()
  const start = startServer({ ...database, ...keys.settings })
  const nodes = yield* Effect.replicateEffect(start, count)
  const service: Headers = bearer(yield* keys.mint({ scope: "service" }))
  const alice: Headers = bearer(yield* keys.mint({ sub: String(ALICE) }))
  const bob: Headers = bearer(yield* keys.mint({ sub: String(BOB) }))
  const call = (headers: Headers, method: string, path: string, body?: unknown, node = nodes[0]!) =>
    request(node.url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
  for (const username of ["alice", "bob"]) yield* post(`${nodes[0]!.url}/users/`, { username }, service)
  const ofAlice = JSON.parse(
    (yield* call(alice, "POST", "/messages/", { receiver_id: BOB, content: "hi" })).body
  )
  const ofBob = JSON.parse(
    (yield* call(bob, "POST", "/messages/", { receiver_id: ALICE, content: "ho" })).body
  )
  const group = JSON.parse(
    (yield* call(alice, "POST", "/conversations/", { kind: "group", title: "x", member_ids: [BOB] })).body
  ).id
  const connect = (headers: Headers, userId: number, node = nodes[0]!) =>
    openSocket(`${node.webSocketUrl}/ws/${userId}`, { headers, protocols: ["minichat.v2"] })
  return { nodes, start, service, alice, bob, call, connect, ofAlice, ofBob, group }
})

const typeOf = ({ body }: Answer) => (JSON.parse(body || "{}").type ?? "").split(":").at(-1)

describe("a suspended user", () => {
  it.live(
    "is refused every call but reads, by any caller, until it is restored",
    () =>
      Effect.gen(function* () {
        const { service, alice, bob, call, connect, ofAlice, ofBob, group } = yield* setUp(
          yield* freshEmbedded
        )
        const socket = yield* connect(alice, ALICE)
        yield* socket.nextOf("system")
        const others = yield* connect(bob, BOB)
        yield* others.nextOf("system")
        assert.strictEqual((yield* call(service, "PUT", SUSPENSION)).status, 200)
        assert.deepEqual(yield* socket.closed, { code: 4003, reason: "The user is suspended" })

        const thumbsUp = encodeURIComponent("👍")
        const direct = ofAlice.conversation_id
        const writes: ReadonlyArray<readonly [string, string, Record<string, unknown>?]> = [
          ["POST", "/messages/", { sender_id: ALICE, receiver_id: BOB, content: "hi" }],
          ["POST", "/messages/", { sender_id: ALICE, conversation_id: group, content: "hi" }],
          ["PATCH", `/messages/${ofAlice.id}`, { user_id: ALICE, content: "edited" }],
          ["DELETE", `/messages/${ofAlice.id}?user_id=${ALICE}`],
          ["PUT", `/messages/${ofBob.id}/reactions/${thumbsUp}?user_id=${ALICE}`],
          ["DELETE", `/messages/${ofBob.id}/reactions/${thumbsUp}?user_id=${ALICE}`],
          ["POST", `/messages/${ofBob.id}/report`, { user_id: ALICE }],
          ["POST", "/conversations/", { user_id: ALICE, kind: "group", title: "x", member_ids: [BOB] }],
          ["POST", "/conversations/", { user_id: ALICE, kind: "direct", with: BOB }],
          ["PATCH", `/conversations/${group}`, { user_id: ALICE, title: "y" }],
          ["PUT", `/conversations/${group}/members/${BOB}`, { user_id: ALICE, role: "admin" }],
          ["DELETE", `/conversations/${group}/members/${BOB}?user_id=${ALICE}`],
          ["POST", `/conversations/${direct}/read`, { user_id: ALICE, message_id: ofBob.id }],
          ["PUT", `/users/${ALICE}/blocks/${BOB}`],
          ["DELETE", `/users/${ALICE}/blocks/${BOB}`]
        ]
        for (const headers of [alice, service]) {
          yield* Effect.forEach(
            writes,
            ([method, path, body]) =>
              Effect.map(call(headers, method, path, body), (answer) =>
                assert.deepEqual(
                  [answer.status, typeOf(answer)],
                  [403, "user-suspended"],
                  `${method} ${path}`
                )
              ),
            { concurrency: "unbounded" }
          )
          const refusal = yield* Effect.flip(connect(headers, ALICE))
          assert.deepEqual(
            [refusal.status, JSON.parse(refusal.body).type.split(":").at(-1)],
            [403, "user-suspended"]
          )
        }
        const profile = { display_name: "Suspended" }
        assert.strictEqual(typeOf(yield* call(alice, "PATCH", `/users/${ALICE}`, profile)), "user-suspended")
        const kept = yield* call(service, "PATCH", `/users/${ALICE}`, profile)
        assert.deepInclude(JSON.parse(kept.body), { id: ALICE, ...profile })
        const reads = [
          `/users/${ALICE}`,
          "/users/",
          `/users/${BOB}/presence`,
          `/users/${ALICE}/events?since=0`,
          `/users/${ALICE}/blocks`,
          SUSPENSION,
          `/messages/?user_id=${ALICE}`,
          `/messages/recent/${ALICE}`,
          `/messages/${ofBob.id}?user_id=${ALICE}`,
          `/conversations/?user_id=${ALICE}`,
          `/conversations/${group}?user_id=${ALICE}`,
          `/conversations/${group}/members?user_id=${ALICE}`
        ]
        yield* Effect.forEach(
          reads,
          (path) =>
            Effect.map(call(alice, "GET", path), ({ status, body }) =>
              assert.strictEqual(status, 200, `${path} ${body}`)
            ),
          { concurrency: "unbounded" }
        )
        const toAlice = yield* call(bob, "POST", "/messages/", {
          receiver_id: ALICE,
          content: "still there?"
        })
        assert.strictEqual(toAlice.status, 200)
        assert.isTrue(others.socket.readyState === others.socket.OPEN)
        assert.strictEqual(
          typeOf(yield* call(bob, "DELETE", `/messages/${ofAlice.id}?user_id=${ALICE}`)),
          "forbidden"
        )

        assert.strictEqual((yield* call(service, "DELETE", SUSPENSION)).status, 204)
        yield* (yield* connect(alice, ALICE)).nextOf("system")
        for (const [method, path, body] of writes.slice(0, 3))
          assert.strictEqual((yield* call(alice, method, path, body)).status, 200)
      }),
    90_000
  )

  it.live.runIf(databaseUrl !== undefined)(
    "is one on every node that shares the database, without Redis, and so is its end",
    () =>
      Effect.gen(function* () {
        const { nodes, start, service, alice, call, connect } = yield* setUp(yield* freshDatabase, 2)
        const far = nodes[1]!
        const sends = (node = far) =>
          Effect.map(call(alice, "POST", "/messages/", { receiver_id: BOB, content: "hi" }, node), typeOf)
        const blocks = (node = far) =>
          Effect.map(call(alice, "PUT", `/users/${ALICE}/blocks/${BOB}`, undefined, node), typeOf)
        const { closed, nextOf } = yield* connect(alice, ALICE, far)
        yield* nextOf("system")

        assert.strictEqual((yield* call(service, "PUT", SUSPENSION)).status, 200)
        // By the transaction of the send, before the other node knows.
        assert.strictEqual(yield* sends(), "user-suspended")
        assert.deepEqual(yield* closed, { code: 4003, reason: "The user is suspended" })
        assert.strictEqual(yield* blocks(), "user-suspended")
        assert.strictEqual((yield* Effect.flip(connect(alice, ALICE, far))).status, 403)
        const third = yield* start
        assert.strictEqual(yield* blocks(third), "user-suspended")

        assert.strictEqual((yield* call(service, "DELETE", SUSPENSION)).status, 204)
        yield* until(Effect.map(blocks(), (type) => type === ""))
        yield* until(Effect.map(blocks(third), (type) => type === ""))
        yield* (yield* connect(alice, ALICE, far)).nextOf("system")
      }),
    90_000
  )
})

describe("moderation", () => {
  it.live("is the application's: reports, suspensions and the removal of any message", () =>
    Effect.gen(function* () {
      const { service, alice, bob, call, connect, ofAlice, ofBob } = yield* setUp(yield* freshEmbedded)
      assert.strictEqual((yield* call(bob, "POST", `/messages/${ofAlice.id}/report`, {})).status, 200)
      for (const [method, path] of [
        ["GET", "/reports/"],
        ["DELETE", "/reports/1"],
        ["PUT", SUSPENSION],
        ["DELETE", SUSPENSION],
        ["GET", `/users/${BOB}/suspension`],
        ["GET", `/users/${BOB}/blocks`],
        ["PUT", `/users/${BOB}/blocks/${ALICE}`],
        ["DELETE", `/users/${BOB}/blocks/${ALICE}`],
        ["POST", `/messages/${ofAlice.id}/report`]
      ] as const) {
        const body = method === "POST" ? { user_id: BOB } : undefined
        const foreign = yield* call(alice, method, path, body)
        assert.deepEqual([foreign.status, typeOf(foreign)], [403, "forbidden"], path)
        assert.strictEqual((yield* call({}, method, path, body)).status, 401, path)
      }
      const { reports } = JSON.parse((yield* call(service, "GET", "/reports/")).body)
      assert.deepInclude(reports[0], { reporter_id: BOB, message_id: ofAlice.id })
      assert.deepInclude(reports[0].message, { content: "hi", sender_id: ALICE })

      const socket = yield* connect(bob, BOB)
      yield* socket.nextOf("system")
      assert.strictEqual((yield* call(bob, "DELETE", `/messages/${ofAlice.id}`)).status, 403)
      for (const _ of [1, 2]) {
        const { status, body } = yield* call(service, "DELETE", `/messages/${ofAlice.id}`)
        assert.strictEqual(status, 200)
        assert.deepInclude(JSON.parse(body), { id: ofAlice.id, content: "" })
      }
      assert.deepInclude(yield* socket.nextOf("message_deleted"), {
        message_id: ofAlice.id,
        sender_id: ALICE
      })
      assert.strictEqual(typeOf(yield* call(service, "DELETE", "/messages/9000000000")), "message-not-found")
      // Named, a user deletes with its own rights only.
      const asAlice = yield* call(service, "DELETE", `/messages/${ofBob.id}?user_id=${ALICE}`)
      assert.strictEqual(typeOf(asAlice), "role-forbids")
    })
  )

  it.live("needs a user without authentication where it acts for one", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer(yield* freshEmbedded)
      for (const username of ["alice", "bob"]) yield* post(`${url}/users/`, { username })
      const sent = JSON.parse(
        (yield* post(`${url}/messages/`, { sender_id: ALICE, receiver_id: BOB, content: "hi" })).body
      )
      assert.strictEqual((yield* request(`${url}/messages/${sent.id}`, { method: "DELETE" })).status, 422)
      assert.strictEqual((yield* request(`${url}/reports/`)).status, 200)
      assert.strictEqual((yield* request(url + SUSPENSION, { method: "PUT" })).status, 200)
    })
  )
})

describe("a block, over sockets,", () => {
  it.live("refuses the sends of the blocked user, and hides its presence and what it types", () =>
    Effect.gen(function* () {
      const { alice, bob, call, connect, ofAlice } = yield* setUp(yield* freshEmbedded)
      const [hers, his] = [yield* connect(alice, ALICE), yield* connect(bob, BOB)]
      yield* hers.send({ type: "watch", user_ids: [BOB] })
      assert.deepInclude(yield* hers.nextOf("presence"), { user_id: BOB, online: true })

      const path = `/users/${ALICE}/blocks/${BOB}`
      assert.strictEqual((yield* call(alice, "PUT", path)).status, 200)
      assert.deepInclude(yield* hers.nextOf("block"), { blocked_id: BOB, blocked: true })
      assert.deepInclude(yield* hers.nextOf("presence"), { user_id: BOB, online: false, last_seen: null })
      const presence = `/users/${BOB}/presence`
      const offline = { user_id: BOB, online: false, connections: 0, last_seen: null }
      assert.deepEqual(JSON.parse((yield* call(alice, "GET", presence)).body), offline)
      assert.isTrue(JSON.parse((yield* call(bob, "GET", `/users/${ALICE}/presence`)).body).online)

      const conversation_id = ofAlice.conversation_id
      yield* his.send({ type: "typing", conversation_id, typing: true })
      yield* his.send({ type: "send", receiver_id: ALICE, content: "hi", client_id: "1" })
      yield* his.send({ type: "send", conversation_id, content: "hi", client_id: "2" })
      for (const client_id of ["1", "2"])
        assert.deepInclude(yield* his.nextOf("error"), {
          code: "forbidden",
          client_id,
          message: "The other user takes no messages from this user"
        })
      yield* hers.send({ type: "typing", conversation_id, typing: true })
      assert.deepInclude(yield* his.nextOf("typing"), { user_id: ALICE })

      assert.strictEqual((yield* call(alice, "DELETE", path)).status, 204)
      assert.deepInclude(yield* hers.next, { type: "block", blocked_id: BOB, blocked: false })
      assert.deepInclude(yield* hers.nextOf("presence"), { user_id: BOB, online: true })
    })
  )
})
