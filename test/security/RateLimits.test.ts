import { assert, describe, it, layer } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Option, Redacted, Result } from "effect"
import { IpNetwork } from "effect/net"
import { TestClock } from "effect/testing"
import { RateLimits } from "../../src/access/RateLimits.ts"
import { UserId } from "../../src/domain/User.ts"
import { until } from "../faults/support/Until.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase, freshRedis, redisUrl, settings } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { openSocket } from "../support/TestSocket.ts"
import { type Answer, bearer, post, request } from "./support/Server.ts"
import { type Keys, makeKeys } from "./support/Tokens.ts"

/** As much a second for each, so that a refusal asks for a pause of at most a second. */
const NEW_LIMITS = {
  groupsPerMinute: 60,
  groupsBurst: 2,
  reactionsPerSecond: 1,
  reactionsBurst: 3,
  typingPerSecond: 1,
  typingBurst: 5
}

const ALICE = UserId.make(1)
const BOB = UserId.make(2)

describe("a bucket", () => {
  const limits = Effect.map(
    Layer.build(
      Layer.provide(
        RateLimits.layerInProcess,
        settings({ rateLimits: "on", sendsPerSecond: 2, sendsBurst: 4, requestsPerSecond: 3 })
      )
    ),
    Context.get(RateLimits)
  )

  /** How many of so many go through at once. */
  const passed = <E>(attempt: Effect.Effect<void, E>, times = 10) =>
    Effect.map(
      Effect.replicateEffect(Effect.result(attempt), times),
      (results) => results.filter(Result.isSuccess).length
    )

  it.effect("of a user holds a burst of sends, and fills by the second", () =>
    Effect.gen(function* () {
      const { send } = yield* limits
      assert.strictEqual(yield* passed(send(ALICE)), 4)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* passed(send(ALICE)), 2)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* passed(send(ALICE)), 4)
    })
  )

  it.effect(
    "of a user that is charged for what it sent is in debt, and lets nothing pass until it is paid",
    () =>
      Effect.gen(function* () {
        const { send, charge } = yield* limits
        yield* send(ALICE)
        yield* charge("send", ALICE, 2)
        yield* charge("send", ALICE, 2)
        yield* charge("send", ALICE, 2)
        assert.strictEqual(yield* passed(send(ALICE)), 0)
        assert.strictEqual(yield* passed(send(BOB)), 4)
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(yield* passed(send(ALICE)), 0)
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(yield* passed(send(ALICE)), 1)
      })
  )

  it.effect("of one user, or of one address, is not that of another", () =>
    Effect.gen(function* () {
      const { send, request } = yield* limits
      yield* passed(send(ALICE))
      assert.strictEqual(yield* passed(send(BOB)), 4)
      yield* passed(request("198.51.100.1"))
      assert.strictEqual(yield* passed(request("198.51.100.2")), 3)
      yield* passed(request("2001:db8::1"))
      assert.strictEqual(yield* passed(request("2001:db8::2")), 0)
      assert.strictEqual(yield* passed(request("2001:db8:0:1::1")), 3)
    })
  )

  it.effect("of groups, of reactions and of typing are their own, as large as their settings say", () =>
    Effect.gen(function* () {
      const { group, react, type, act, send } = Context.get(
        yield* Layer.build(
          Layer.provide(
            RateLimits.layerInProcess,
            settings({
              rateLimits: "on",
              sendsPerSecond: 2,
              sendsBurst: 4,
              ...NEW_LIMITS,
              groupsPerMinute: 6
            })
          )
        ),
        RateLimits
      )
      const passedOf = (user: UserId) =>
        Effect.forEach([group, react, type, act, send], (take) => passed(take(user)))
      assert.deepStrictEqual(yield* passedOf(ALICE), [2, 3, 5, 4, 4])
      assert.deepStrictEqual(yield* passedOf(BOB), [2, 3, 5, 4, 4])
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(yield* passedOf(ALICE), [0, 1, 1, 2, 2])
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* passed(group(ALICE)), 1)
    })
  )

  it.effect("that is empty says when there is room again", () =>
    Effect.gen(function* () {
      const { send } = yield* limits
      yield* passed(send(ALICE))
      const { retryAfter } = yield* Effect.flip(send(ALICE))
      yield* TestClock.adjust(retryAfter)
      yield* send(ALICE)
    })
  )

  it.effect("is there when authentication is, unless the settings say otherwise", () =>
    Effect.gen(function* () {
      const isLimited = (given: Parameters<typeof settings>[0]) =>
        Layer.build(Layer.provide(RateLimits.layerInProcess, settings({ sendsBurst: 1, ...given }))).pipe(
          Effect.flatMap((services) => passed(Context.get(services, RateLimits).send(ALICE))),
          Effect.map((through) => through === 1)
        )
      assert.isFalse(yield* isLimited({}))
      assert.isTrue(yield* isLimited({ auth: "required" }))
      assert.isFalse(yield* isLimited({ auth: "required", rateLimits: "off" }))
      assert.isTrue(yield* isLimited({ rateLimits: "on" }))
    })
  )
})

const SENDS = { sendsPerSecond: 1, sendsBurst: 5 }
const REQUESTS_PER_SECOND = 4

/** Makes calls at once. What a bucket lets through is its burst, and what flows in while they are made. */
const flood = Effect.fnUntraced(function* (calls: ReadonlyArray<Effect.Effect<Answer>>) {
  const started = yield* Clock.currentTimeMillis
  const answers = yield* Effect.all(calls, { concurrency: "unbounded" })
  const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
  const refused = answers.filter(({ status }) => status === 429)
  for (const { headers, body } of refused) {
    assert.strictEqual(headers.get("retry-after"), "1")
    const problem = JSON.parse(body)
    assert.strictEqual(problem.type, "urn:minichat:problem:too-many-requests")
    assert.isAbove(problem.retry_after_ms, 0)
  }
  const passed = answers.filter(({ status }) => status === 200).length
  assert.strictEqual(passed + refused.length, calls.length, "each is answered with 200 or 429")
  return { passed, refused: refused.length, seconds }
})

const times = (n: number, call: (i: number) => Effect.Effect<Answer>) =>
  Array.from({ length: n }, (_, i) => call(i))

const sendAs = ({ url }: TestServer, token: string, sender: number, i: number) =>
  post(
    `${url}/messages/`,
    { sender_id: sender, receiver_id: sender === ALICE ? BOB : ALICE, content: `message ${i}` },
    bearer(token)
  )

const makeUsers = Effect.fnUntraced(function* ({ url }: TestServer, keys: Keys) {
  const service = yield* keys.mint({ scope: "service" })
  for (const username of ["alice", "bob"]) {
    assert.strictEqual((yield* post(`${url}/users/`, { username }, bearer(service))).status, 200)
  }
})

class Limited extends Context.Service<Limited, { readonly server: TestServer; readonly keys: Keys }>()(
  "minichat/test/security/Limited"
) {
  static readonly layer = Layer.effect(
    Limited,
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const server = yield* startServer({
        ...(yield* freshEmbedded),
        ...keys.settings,
        ...SENDS,
        ...NEW_LIMITS,
        requestsPerSecond: REQUESTS_PER_SECOND,
        trustedProxies: [IpNetwork.fromStringUnsafe("127.0.0.1/32")]
      })
      yield* makeUsers(server, keys)
      return Limited.of({ server, keys })
    })
  )
}

/** From an address of its own, by way of a proxy. */
const from = (address: string) => ({ "x-forwarded-for": address })

layer(Limited.layer, { excludeTestServices: true, timeout: "60 seconds" })("a node limits", (it) => {
  it.effect("requests by address, the one that a trusted proxy names last", () =>
    Effect.gen(function* () {
      const { server, keys } = yield* Limited
      const token = bearer(yield* keys.mint())
      const get = (forwarded: string) =>
        request(`${server.url}/users/`, { headers: { ...token, ...from(forwarded) } })

      const one = yield* flood(times(40, (i) => get(`192.0.2.${i}, 198.51.100.1`)))
      assert.isAtLeast(one.passed, 1)
      assert.isAtMost(one.passed, REQUESTS_PER_SECOND * (1 + one.seconds) + 1)
      const many = yield* flood(times(40, (i) => get(`198.51.100.9, 203.0.113.${i}`)))
      assert.strictEqual(many.passed, 40)
    })
  )

  it.effect("requests with bad tokens, too", () =>
    Effect.gen(function* () {
      const { server } = yield* Limited
      const headers = { ...bearer("bad"), ...from("198.51.100.2") }
      const answers = yield* Effect.all(
        times(40, () => request(`${server.url}/users/`, { headers })),
        { concurrency: "unbounded" }
      )
      const statuses = new Set(answers.map(({ status }) => status))
      assert.deepStrictEqual(statuses, new Set([401, 429]))
    })
  )

  it.effect("handshakes by address", () =>
    Effect.gen(function* () {
      const { server, keys } = yield* Limited
      const headers = { ...bearer(yield* keys.mint()), ...from("198.51.100.3") }
      const attempts = yield* Effect.all(
        Array.from({ length: 40 }, () =>
          Effect.result(openSocket(`${server.webSocketUrl}/ws/1`, { headers }))
        ),
        { concurrency: "unbounded" }
      )
      const refused = attempts.filter(Result.isFailure).map(({ failure }) => failure)
      assert.isAbove(refused.length, 0)
      assert.isBelow(refused.length, 40)
      for (const { status, headers } of refused) {
        assert.strictEqual(status, 429)
        assert.strictEqual(headers["retry-after"], "1")
      }
    })
  )

  it.effect("sends by user, over REST and sockets together", () =>
    Effect.gen(function* () {
      const { server, keys } = yield* Limited
      const token = yield* keys.mint({ sub: String(BOB) })
      const headers = { ...bearer(token), ...from("198.51.100.4") }
      const socket = yield* openSocket(`${server.webSocketUrl}/ws/${BOB}`, { headers })
      yield* socket.nextOf("system")
      const started = yield* Clock.currentTimeMillis

      for (let i = 0; i < 20; i++) {
        yield* socket.send({ type: "send", receiver_id: ALICE, content: `frame ${i}`, client_id: `c${i}` })
      }
      const replies = yield* Effect.replicateEffect(socket.next, 20)
      const limited = replies.filter(({ type }) => type === "error")
      assert.isAbove(limited.length, 0)
      for (const { code, client_id, retry_after_ms } of limited) {
        assert.strictEqual(code, "rate_limited")
        assert.match(String(client_id), /^c\d+$/)
        assert.isAbove(Number(retry_after_ms), 0)
      }

      const rest = yield* flood(
        times(20, (i) =>
          post(
            `${server.url}/messages/`,
            { sender_id: BOB, receiver_id: ALICE, content: `post ${i}` },
            { ...bearer(token), ...from(`203.0.113.${i}`) }
          )
        )
      )
      const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
      assert.isAtMost(
        20 - limited.length + rest.passed,
        SENDS.sendsBurst + SENDS.sendsPerSecond * seconds + 1
      )
      yield* socket.send({ type: "ping" })
      yield* socket.nextOf("pong")
    })
  )

  it.effect("the making of groups, reactions and typing by user, each apart, and not for the backend", () =>
    Effect.gen(function* () {
      const { server, keys } = yield* Limited
      const token = bearer(yield* keys.mint({ sub: String(ALICE) }))
      const service = bearer(yield* keys.mint({ scope: "service" }))
      const sent = yield* post(
        `${server.url}/messages/`,
        { sender_id: BOB, receiver_id: ALICE, content: "hi" },
        service
      )
      const { id, conversation_id } = JSON.parse(sent.body)
      const groups = (headers: Record<string, string>) =>
        flood(
          times(12, (i) =>
            post(
              `${server.url}/conversations/`,
              { user_id: ALICE, kind: "group", title: `group ${i}`, member_ids: [BOB] },
              { ...headers, ...from(`198.18.0.${i}`) }
            )
          )
        )
      const reactions = (headers: Record<string, string>) =>
        flood(
          times(12, (i) =>
            request(`${server.url}/messages/${id}/reactions/${encodeURIComponent("👍")}?user_id=${ALICE}`, {
              method: i % 2 === 0 ? "PUT" : "DELETE",
              headers: { ...headers, ...from(`198.18.1.${i}`) }
            })
          )
        )
      const made = yield* groups(token)
      assert.isAtLeast(made.passed, NEW_LIMITS.groupsBurst)
      assert.isAtMost(made.passed, NEW_LIMITS.groupsBurst + made.seconds + 1)
      const reacted = yield* reactions(token)
      assert.isAtLeast(reacted.passed, NEW_LIMITS.reactionsBurst)
      assert.isAtMost(reacted.passed, NEW_LIMITS.reactionsBurst + reacted.seconds + 1)
      for (const call of [groups, reactions]) assert.strictEqual((yield* call(service)).refused, 0)

      for (const [headers, isLimited] of [
        [{ ...token, ...from("198.18.2.1") }, true],
        [service, false]
      ] as const) {
        const socket = yield* openSocket(`${server.webSocketUrl}/ws/${ALICE}`, {
          headers,
          protocols: ["minichat.v2"]
        })
        for (let i = 0; i < 20; i++) yield* socket.send({ type: "typing", conversation_id, typing: true })
        yield* socket.send({ type: "ping" })
        yield* socket.nextOf("system")
        const frames: Array<Record<string, unknown>> = []
        while (frames.at(-1)?.type !== "pong") frames.push(yield* socket.next)
        const refused = frames.filter(({ code }) => code === "rate_limited")
        assert.strictEqual(refused.length > 0, isLimited)
        for (const { retry_after_ms } of refused) assert.isAbove(Number(retry_after_ms), 0)
      }
    })
  )

  it.effect("neither for the application's own backend", () =>
    Effect.gen(function* () {
      const { server, keys } = yield* Limited
      const service = yield* keys.mint({ scope: "service" })
      const sends = yield* flood(times(40, (i) => sendAs(server, service, ALICE, i)))
      assert.strictEqual(sends.passed, 40)
      const socket = yield* openSocket(`${server.webSocketUrl}/ws/${ALICE}`, { headers: bearer(service) })
      yield* socket.nextOf("system")
      for (let i = 0; i < 40; i++)
        yield* socket.send({ type: "send", receiver_id: BOB, content: `frame ${i}` })
      const replies = yield* Effect.replicateEffect(socket.next, 40)
      assert.isTrue(replies.every(({ type }) => type === "ack"))
    })
  )
})

// Each test floods on its own address and user, so none has to wait for another's bucket.
it.live.runIf(databaseUrl !== undefined && redisUrl !== undefined)(
  "two nodes limit together over Redis, each for itself while it is unavailable, and together again",
  () =>
    Effect.gen(function* () {
      const keys = yield* makeKeys()
      const redis = yield* tcpProxy(new URL(redisUrl!))
      const shared = {
        ...(yield* freshDatabase),
        ...(yield* freshRedis),
        ...keys.settings,
        ...SENDS,
        redisUrl: Option.some(Redacted.make(redis.url.href)),
        requestsPerSecond: REQUESTS_PER_SECOND,
        trustedProxies: [IpNetwork.fromStringUnsafe("127.0.0.0/8")]
      }
      const nodes = [yield* startServer(shared), yield* startServer(shared)]
      yield* makeUsers(nodes[0]!, keys)

      const all = (n: number, call: (node: TestServer, i: number) => Effect.Effect<Answer>) =>
        flood(nodes.flatMap((node) => times(n, (i) => call(node, i))))
      const getFrom = (address: string) => {
        return Effect.fnUntraced(function* (node: TestServer) {
          const token = yield* keys.mint()
          return yield* request(`${node.url}/users/`, { headers: { ...bearer(token), ...from(address) } })
        })
      }
      const send = (sender: number) =>
        Effect.fnUntraced(function* (node: TestServer, i: number) {
          const token = yield* keys.mint({ sub: String(sender) })
          return yield* post(
            `${node.url}/messages/`,
            { sender_id: sender, receiver_id: sender === ALICE ? BOB : ALICE, content: `message ${i}` },
            { ...bearer(token), ...from(`203.0.${sender}.${i}`) }
          )
        })
      const atMost = (burst: number, perSecond: number, seconds: number) => burst + perSecond * seconds + 1

      // A node on a busy machine may find Redis too slow for a moment, and count for itself then: what is asserted
      // is that the nodes count together, not that they never stop.
      let addresses = 0
      const requestsAreShared = until(
        "the nodes count requests together",
        Effect.gen(function* () {
          const { passed, seconds } = yield* all(20, getFrom(`198.51.100.${++addresses}`))
          assert.isAtLeast(passed, 1)
          return passed <= atMost(REQUESTS_PER_SECOND, REQUESTS_PER_SECOND, seconds)
        }),
        "20 seconds"
      )
      const sendsAreShared = until(
        "the nodes count sends together",
        Effect.gen(function* () {
          const { passed, seconds } = yield* all(10, send(ALICE))
          return passed <= atMost(SENDS.sendsBurst, SENDS.sendsPerSecond, seconds)
        }),
        "20 seconds"
      )
      yield* requestsAreShared
      yield* sendsAreShared

      const health = (status: string) =>
        until(
          `both nodes are ${status}`,
          Effect.map(
            Effect.forEach(nodes, ({ url }) => request(`${url}/health`)),
            (answers) => answers.every(({ body }) => JSON.parse(body).status === status)
          ),
          "15 seconds"
        )
      yield* redis.cut
      yield* health("DEGRADED")
      const apart = yield* all(20, getFrom("203.0.113.1"))
      assert.isAtLeast(apart.passed, 2 * REQUESTS_PER_SECOND)
      assert.isAtMost(apart.passed, atMost(2 * REQUESTS_PER_SECOND, 2 * REQUESTS_PER_SECOND, apart.seconds))

      yield* redis.restore
      yield* health("OK")
      yield* requestsAreShared
    }),
  90_000
)
