import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { type Answer, bearer, post, request } from "./support/Server.ts"
import { makeKeys } from "./support/Tokens.ts"

const [ALICE, BOB] = [1, 2]

type Headers = Readonly<Record<string, string>>

/** A server with authentication and its default limits, with three users, of whom two have a direct conversation and a group. */
const setUp = Effect.fnUntraced(function* (limits: Partial<Settings> = {}) {
  const keys = yield* makeKeys()
  const database = yield* freshEmbedded
  const { url, webSocketUrl } = yield* startServer({ ...database, ...keys.settings, ...limits })
  const service: Headers = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob", "carol"]) yield* post(`${url}/users/`, { username }, service)
  const token = (userId: number) => Effect.map(keys.mint({ sub: String(userId) }), bearer)
  const [alice, bob, carol]: ReadonlyArray<Headers> = yield* Effect.forEach([1, 2, 3], token)
  const call = (headers: Headers, method: string, path: string, body?: unknown, more: Headers = {}) =>
    request(url + path, {
      method,
      headers: { ...headers, ...more, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
  const made = (headers: Headers, path: string, body: unknown) =>
    Effect.map(call(headers, "POST", path, body), (answer) => JSON.parse(answer.body))
  const direct = yield* made(alice!, "/messages/", { receiver_id: BOB, content: "a secret zebra" })
  const group = yield* made(alice!, "/conversations/", { kind: "group", title: "x", member_ids: [BOB] })
  const inGroup = yield* made(bob!, "/messages/", { conversation_id: group.id, content: "a secret giraffe" })
  return { url, webSocketUrl, alice: alice!, bob: bob!, carol: carol!, call, direct, group, inGroup }
})

const typeOf = ({ body }: Answer) => (JSON.parse(body || "{}").type ?? "").split(":").at(-1)

it.live("who is no member of a conversation reads, finds, quotes and changes nothing of it", () =>
  Effect.gen(function* () {
    const { alice, carol, call, direct, group, inGroup } = yield* setUp()
    const thumbsUp = encodeURIComponent("👍")
    const ofAlice = (yield* call(alice, "GET", `/messages/?conversation_id=${group.id}`)).headers.get("etag")!
    for (const [method, path, expected, body, headers] of [
      ["GET", `/messages/${direct.id}`, "not-member"],
      ["GET", `/messages/?conversation_id=${direct.conversation_id}`, "not-member"],
      [
        "GET",
        `/messages/?conversation_id=${group.id}`,
        "not-member",
        undefined,
        { "if-none-match": ofAlice }
      ],
      ["GET", `/messages/search?q=giraffe&conversation_id=${group.id}`, "not-member"],
      ["GET", `/messages/search?q=zebra&user_id=${ALICE}`, "forbidden"],
      ["GET", `/conversations/${group.id}`, "not-member"],
      ["GET", `/conversations/${group.id}/members`, "not-member"],
      ["GET", `/conversations/?user_id=${ALICE}`, "forbidden"],
      ["GET", `/users/${ALICE}/events?since=0`, "forbidden"],
      ["GET", `/users/${ALICE}/export`, "forbidden"],
      ["POST", "/messages/", "not-member", { conversation_id: group.id, content: "hi" }],
      ["POST", "/messages/", "not-member", { conversation_id: direct.conversation_id, content: "hi" }],
      [
        "POST",
        "/messages/",
        "quote-not-found",
        { receiver_id: ALICE, content: "hi", reply_to_id: direct.id }
      ],
      ["POST", "/messages/", "quote-not-found", { receiver_id: BOB, content: "hi", reply_to_id: inGroup.id }],
      ["PATCH", `/messages/${inGroup.id}`, "not-member", { content: "hi" }],
      ["DELETE", `/messages/${inGroup.id}`, "not-member"],
      ["PUT", `/messages/${inGroup.id}/reactions/${thumbsUp}`, "not-member"],
      ["DELETE", `/messages/${inGroup.id}/reactions/${thumbsUp}`, "not-member"],
      ["POST", `/messages/${inGroup.id}/report`, "not-member", {}],
      ["POST", `/conversations/${group.id}/read`, "not-member", { message_id: inGroup.id }],
      ["PATCH", `/conversations/${group.id}`, "not-member", { title: "y" }],
      ["PUT", `/conversations/${group.id}/members/3`, "not-member", {}],
      ["DELETE", `/conversations/${group.id}/members/${BOB}`, "not-member"]
    ] as ReadonlyArray<readonly [string, string, string, unknown?, Headers?]>) {
      const answer = yield* call(carol, method, path, body, headers)
      assert.strictEqual(typeOf(answer), expected, `${method} ${path}`)
      assert.notInclude(answer.body, "secret")
    }
    for (const path of [
      "/messages/search?q=secret",
      "/messages/",
      "/conversations/",
      "/users/3/events?since=0"
    ]) {
      const answer = yield* call(carol, "GET", path)
      assert.strictEqual(answer.status, 200)
      assert.notInclude(answer.body, "secret")
    }
  })
)

it.live("the client_id of another user's message is another user's own", () =>
  Effect.gen(function* () {
    const { alice, carol, call } = yield* setUp()
    const send = (headers: Headers, content: string) =>
      Effect.map(
        call(headers, "POST", "/messages/", { receiver_id: BOB, content, client_id: "1" }),
        ({ body }) => JSON.parse(body)
      )
    const hers = yield* send(alice, "hers")
    const own = yield* send(carol, "own")
    assert.notStrictEqual(own.id, hers.id)
    assert.deepInclude(own, { sender_id: 3, content: "own" })
  })
)

/** Metadata of so many levels, as JSON: more than a stack of calls has. */
const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`

it.live("metadata of any depth is taken or refused by its size, over REST and over a socket", () =>
  Effect.gen(function* () {
    const { alice, webSocketUrl, call } = yield* setUp()
    const body = (levels: number) =>
      `{"receiver_id":${BOB},"content":"hi","client_id":"${levels}","metadata":${nested(levels)}}`
    for (const [levels, status] of [
      [1000, 200],
      [5000, 422],
      [30_000, 422]
    ] as const)
      assert.strictEqual((yield* call(alice, "POST", "/messages/", body(levels))).status, status)

    const socket = yield* openSocket(`${webSocketUrl}/ws/me`, { headers: alice, protocols: ["minichat.v2"] })
    yield* socket.nextOf("system")
    socket.socket.send(`{"type":"send",${body(30_000).slice(1)}`)
    assert.deepInclude(yield* socket.nextOf("error"), { code: "invalid", client_id: "30000" })
    yield* socket.send({ type: "ping" })
    yield* socket.nextOf("pong")
  })
)

it.live("marks of what is read are taken from the rate of their user's actions over REST too", () =>
  Effect.gen(function* () {
    const { alice, bob, call, direct } = yield* setUp({ sendsPerSecond: 1, sendsBurst: 3 })
    const marks = (headers: Headers, count: number) =>
      Effect.forEach(
        Array.from({ length: count }),
        () =>
          Effect.map(
            call(headers, "POST", `/conversations/${direct.conversation_id}/read`, { message_id: direct.id }),
            ({ status }) => status
          ),
        { concurrency: "unbounded" }
      )
    const statuses = yield* marks(alice, 20)
    assert.include(statuses, 200)
    assert.include(statuses, 429)
    assert.deepEqual(yield* marks(bob, 1), [200])
  })
)
