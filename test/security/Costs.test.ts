import { assert, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { IpNetwork } from "effect/net"
import { Database } from "../../src/database/Database.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { authenticatedServer } from "./support/AuthenticatedServer.ts"
import { post, request } from "./support/Server.ts"

it.live("no list passes over more than 10,000 rows, and the refusal names what pages further", () =>
  Effect.gen(function* () {
    const { url } = yield* startServer(yield* freshEmbedded)
    for (const [path, byKey] of [
      ["/users/?skip=", "after_id"],
      ["/messages/?user_id=1&skip=", "before_id"]
    ] as const) {
      assert.strictEqual((yield* request(`${url}${path}10000`)).status, 200)
      for (const skip of ["10001", "2147483647"]) {
        const { status, body } = yield* request(`${url}${path}${skip}`)
        assert.strictEqual(status, 422)
        assert.include(JSON.parse(body).detail, byKey)
      }
    }
  })
)

it.live("users are paged by key", () =>
  Effect.gen(function* () {
    const { url } = yield* startServer(yield* freshEmbedded)
    for (const username of ["alice", "bob", "carol", "dave", "erin"])
      yield* post(`${url}/users/`, { username })
    const ids = (query: string) =>
      Effect.map(request(`${url}/users/?${query}`), ({ body }) =>
        JSON.parse(body).map(({ id }: { id: number }) => id)
      )
    assert.deepStrictEqual(yield* ids("limit=2"), [1, 2])
    assert.deepStrictEqual(yield* ids("limit=2&after_id=2"), [3, 4])
    assert.deepStrictEqual(yield* ids("limit=2&after_id=4"), [5])
    assert.deepStrictEqual(yield* ids("limit=2&after_id=2&skip=1"), [4, 5])
    assert.deepStrictEqual(yield* ids("after_id=9999999999"), [])
  })
)

it.live("a read costs by its rows, and a user has one budget for them from all addresses", () =>
  Effect.gen(function* () {
    const { headersOf, service, url } = yield* authenticatedServer({
      requestsPerSecond: 10,
      trustedProxies: [IpNetwork.fromStringUnsafe("127.0.0.1/32")]
    })
    const history = (user: number, query: string, headers: Record<string, string>, address: string) =>
      Effect.map(
        request(`${url}/messages/?user_id=${user}&${query}`, {
          headers: { ...headers, "x-forwarded-for": address }
        }),
        ({ status }) => status
      )
    const alice = yield* headersOf(1)
    const statuses = yield* Effect.forEach([1, 2, 3, 4], (i) =>
      history(1, "skip=10000&limit=1000", alice, `198.51.100.${i}`)
    )
    assert.strictEqual(statuses[0], 200)
    assert.include(statuses, 429)
    // Cheap calls go on, and so do those of other users.
    assert.strictEqual(yield* history(1, "limit=50", alice, "198.51.100.9"), 200)
    assert.strictEqual(yield* history(2, "limit=1000", yield* headersOf(2), "198.51.100.10"), 200)
    assert.strictEqual(yield* history(1, "skip=10000&limit=1000", service, "198.51.100.11"), 200)
  })
)

it.live("a list of conversations costs by how many its user has, however short the page is", () =>
  Effect.gen(function* () {
    const server = yield* authenticatedServer({
      requestsPerSecond: 10,
      trustedProxies: [IpNetwork.fromStringUnsafe("127.0.0.1/32")]
    })
    const { headersOf, service } = server
    const { pipeline: sql } = Context.get(server.services, Database)
    yield* sql`
      SELECT count(*) FROM generate_series(1, 1000) i
      CROSS JOIN LATERAL create_group(1, '{}', 'Group ' || i, 'all', NULL, NULL, 1000)`
    /** The statuses of lists that are asked for at once, each from an address of its own. */
    const lists = (user: number, headers: Record<string, string>) =>
      Effect.forEach(
        Array.from({ length: 8 }),
        (_, i) =>
          Effect.map(
            request(`${server.url}/conversations/?user_id=${user}&limit=1`, {
              headers: { ...headers, "x-forwarded-for": `198.51.${user}.${i}` }
            }),
            ({ status }) => status
          ),
        { concurrency: "unbounded" }
      )
    const statuses = yield* lists(1, yield* headersOf(1))
    assert.include(statuses, 200)
    assert.include(statuses, 429)
    assert.notInclude(yield* lists(2, yield* headersOf(2)), 429)
    assert.notInclude(yield* lists(1, service), 429)
  })
)

/** Makes a group of the first users of a server, by one of them. Its id. */
const groupBy = Effect.fnUntraced(function* (server: TestServer, owner: number, members: number) {
  const { pipeline: sql } = Context.get(server.services, Database)
  const [{ id }] = (yield* sql`
    SELECT id FROM create_group(
      ${owner}::int, ARRAY(SELECT generate_series(1, ${members}::int)), 'All', 'all', NULL, NULL, 1000
    ) LIMIT 1`) as [{ readonly id: bigint }]
  return Number(id)
})

it.live("a message to a large group costs its sender as many sends as it has hundreds of members", () =>
  Effect.gen(function* () {
    const server = yield* authenticatedServer(
      {
        sendsPerSecond: 1,
        sendsBurst: 10
      },
      []
    )
    const { headersOf, service } = server
    const { pipeline: sql } = Context.get(server.services, Database)
    yield* sql`SELECT count(create_user('user' || i, 'User')) FROM generate_series(1, 500) i`
    const send = (headers: Record<string, string>, body: object) =>
      Effect.map(post(`${server.url}/messages/`, body, headers), ({ status }) => status)
    const [first, second] = [yield* headersOf(1), yield* headersOf(2)]
    const toGroup = { conversation_id: yield* groupBy(server, 1, 500), content: "hi" }
    const toUser = { receiver_id: 3, content: "hi" }

    // As many messages to a user pass at once.
    assert.notInclude(yield* Effect.forEach(Array(6), () => send(second, toUser)), 429)
    const statuses = yield* Effect.forEach(Array(6), () => send(first, toGroup))
    assert.deepEqual(statuses.slice(0, 2), [200, 200])
    assert.include(statuses, 429)

    const socket = yield* openSocket(`${server.webSocketUrl}/ws/4`, {
      headers: yield* headersOf(4)
    })
    const answerTo = (client_id: string) =>
      Effect.repeat(socket.next, { until: (frame) => frame.client_id === client_id })
    for (const client_id of ["1", "2", "3", "4"]) yield* socket.send({ type: "send", ...toGroup, client_id })
    yield* answerTo("4")
    yield* socket.send({ type: "send", ...toGroup, client_id: "one more" })
    assert.deepInclude(yield* answerTo("one more"), { type: "error", code: "rate_limited" })

    const asService = yield* Effect.forEach(Array(6), () => send(service, { ...toGroup, sender_id: 5 }))
    assert.deepEqual(new Set(asService), new Set([200]))
    assert.strictEqual(yield* send(yield* headersOf(5), toUser), 200)
  })
)

/** What may be done to a message or to a group again and again: of its author, who is the owner of the group. */
const CHANGES: Readonly<
  Record<
    string,
    (
      ids: { readonly group: number; readonly message: number },
      i: number
    ) => readonly [string, string, object?]
  >
> = {
  "an edit": ({ message }, i) => ["PATCH", `/messages/${message}`, { content: `edit ${i}` }],
  "a reaction": ({ message }, i) => [i % 2 === 0 ? "PUT" : "DELETE", `/messages/${message}/reactions/👍`],
  "a title": ({ group }, i) => ["PATCH", `/conversations/${group}`, { title: `Title ${i}` }],
  "a role": ({ group }, i) => [
    "PUT",
    `/conversations/${group}/members/9`,
    { role: i % 2 === 0 ? "admin" : "member" }
  ]
}

it.live("what changes in a large group costs by its members, as a message to it", () =>
  Effect.gen(function* () {
    const server = yield* authenticatedServer(
      {
        sendsPerSecond: 1,
        sendsBurst: 10,
        reactionsPerSecond: 1,
        reactionsBurst: 10
      },
      []
    )
    const { headersOf, service } = server
    const { pipeline: sql } = Context.get(server.services, Database)
    yield* sql`SELECT count(create_user('user' || i, 'User')) FROM generate_series(1, 500) i`
    const statuses = Effect.fnUntraced(function* (
      change: (typeof CHANGES)[string],
      owner: number,
      members: number
    ) {
      const headers = yield* headersOf(owner)
      const group = yield* groupBy(server, owner, members)
      const sent = yield* post(
        `${server.url}/messages/`,
        { sender_id: owner, conversation_id: group, content: "hi" },
        service
      )
      const ids = { group, message: JSON.parse(sent.body).id }
      return yield* Effect.forEach([0, 1, 2, 3, 4, 5], (i) => {
        const [method, path, body] = change(ids, i)
        return Effect.map(
          request(`${server.url}${path}`, {
            method,
            headers: { ...headers, "content-type": "application/json" },
            ...(body && { body: JSON.stringify(body) })
          }),
          ({ status }) => status
        )
      })
    })

    let owner = 1
    for (const [what, change] of Object.entries(CHANGES)) {
      const inLarge = yield* statuses(change, owner++, 500)
      assert.deepEqual(inLarge.slice(0, 2), [200, 200], what)
      assert.include(inLarge, 429, what)
      assert.notInclude(yield* statuses(change, owner++, 20), 429, what)
    }
  })
)
