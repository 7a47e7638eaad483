import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { bearer, post, request } from "./support/Server.ts"
import { claims, makeKeys, sign } from "./support/Tokens.ts"

const [ALICE, BOB] = [1, 2]

const setUp = Effect.fnUntraced(function* (database: Parameters<typeof startServer>[0], nodes: number) {
  const keys = yield* makeKeys()
  const servers = yield* Effect.replicateEffect(startServer({ ...database, ...keys.settings }), nodes)
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob"]) yield* post(`${servers[0]!.url}/users/`, { username }, service)
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const token = (userId: number, issuedAt = now - 60) => keys.mint({ sub: String(userId), iat: issuedAt })
  const connect = (node: number, userId: number, token: string) =>
    Effect.tap(
      openSocket(`${servers[node]!.webSocketUrl}/ws/${userId}`, { headers: bearer(token) }),
      ({ nextOf }) => nextOf("system")
    )
  const order = (body: unknown, headers: Record<string, string> = service, userId = ALICE) =>
    Effect.map(post(`${servers[0]!.url}/users/${userId}/disconnect`, body, headers), ({ status, body }) => ({
      status,
      body: JSON.parse(body)
    }))
  const reads = (node: number, token: string, userId = ALICE) =>
    Effect.map(
      request(`${servers[node]!.url}/users/${userId}/events?since=0`, { headers: bearer(token) }),
      ({ status }) => status
    )
  return { servers, service, token, connect, order, reads, keys, now }
})

describe("an order to disconnect a user", () => {
  it.live("closes the sockets of that user, and no other, with the code that it names", () =>
    Effect.gen(function* () {
      const { token, connect, order, reads } = yield* setUp(yield* freshEmbedded, 1)
      const [alice, bob] = [yield* token(ALICE), yield* token(BOB)]
      const others = yield* connect(0, BOB, bob)
      for (const [body, code] of [
        [{}, 4002],
        [{ code: 4003 }, 4003],
        [{ code: 1012 }, 1012]
      ] as const) {
        const { closed } = yield* connect(0, ALICE, alice)
        assert.deepEqual(yield* order(body), {
          status: 200,
          body: { user_id: ALICE, code, tokens_not_before: null }
        })
        assert.strictEqual((yield* closed).code, code)
      }
      assert.strictEqual(yield* reads(0, alice), 200)
      assert.isTrue(others.socket.readyState === others.socket.OPEN)
    })
  )

  it.live("is for services, and for users that exist", () =>
    Effect.gen(function* () {
      const { token, order } = yield* setUp(yield* freshEmbedded, 1)
      const member = bearer(yield* token(ALICE))
      assert.strictEqual((yield* order({}, member)).status, 403)
      assert.strictEqual((yield* order({}, {})).status, 401)
      assert.strictEqual((yield* order({}, undefined, 99)).status, 404)
      assert.strictEqual((yield* order({}, undefined, 3_000_000_000)).status, 404)
      assert.strictEqual((yield* order({ code: 1000 })).status, 422)
      assert.strictEqual((yield* order({ revoke_tokens: "yes" })).status, 422)
    })
  )

  it.live("takes tokens back that were issued before, for requests, sockets and renewals", () =>
    Effect.gen(function* () {
      const { token, connect, order, reads, keys } = yield* setUp(yield* freshEmbedded, 1)
      const [old, bob] = [yield* token(ALICE), yield* token(BOB)]
      const { closed } = yield* connect(0, ALICE, old)
      const { status, body } = yield* order({ revoke_tokens: true })
      assert.deepEqual([status, body.code], [200, 4001])
      assert.strictEqual((yield* closed).code, 4001)

      const notBefore = Date.parse(body.tokens_not_before) / 1000
      const fresh = yield* token(ALICE, notBefore)
      const { iat: _, ...claimed } = claims()
      const undated = sign(keys.privateKey, claimed, { alg: "ES256" })
      assert.strictEqual(yield* reads(0, old), 401)
      assert.strictEqual(yield* reads(0, yield* token(ALICE, notBefore - 1)), 401)
      assert.strictEqual(yield* reads(0, yield* undated), 401)
      assert.strictEqual((yield* Effect.flip(connect(0, ALICE, old))).status, 401)
      assert.strictEqual(yield* reads(0, fresh), 200)
      assert.strictEqual(yield* reads(0, bob, BOB), 200)

      const socket = yield* connect(0, ALICE, fresh)
      yield* socket.send({ type: "auth", token: old })
      assert.include(yield* socket.nextOf("error"), { code: "forbidden" })

      // A later order that takes no tokens back leaves those that were.
      assert.strictEqual((yield* order({})).body.tokens_not_before, body.tokens_not_before)
      assert.strictEqual((yield* socket.closed).code, 4002)
      assert.strictEqual(yield* reads(0, old), 401)
    })
  )
})

describe.runIf(databaseUrl !== undefined)("an order to disconnect a user of several nodes", () => {
  it.live("reaches nodes that share nothing but the database, and those that start later", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const { token, connect, order, reads, keys, servers } = yield* setUp(database, 2)
      const old = yield* token(ALICE)
      const { closed } = yield* connect(1, ALICE, old)
      const { body } = yield* order({ revoke_tokens: true })
      assert.strictEqual((yield* closed).code, 4001)
      assert.strictEqual(yield* reads(1, old), 401)

      // A socket that was opened since then stays: the order is read again and again.
      const fresh = yield* token(ALICE, Date.parse(body.tokens_not_before) / 1000)
      const { socket } = yield* connect(1, ALICE, fresh)
      const third = yield* startServer({ ...database, ...keys.settings })
      const { status } = yield* request(`${third.url}/users/${ALICE}/events?since=0`, {
        headers: bearer(old)
      })
      assert.strictEqual(status, 401)
      assert.isTrue(socket.readyState === socket.OPEN)
      assert.lengthOf(servers, 2)
    })
  )
})
