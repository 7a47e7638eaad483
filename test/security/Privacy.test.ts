import { randomBytes } from "node:crypto"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { until } from "../faults/support/Until.ts"
import { databaseUrl, freshDatabase, freshDataDir, redisUrl } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { openSocket } from "../support/TestSocket.ts"
import { webSocketHandshake } from "./support/RawSocket.ts"
import { type Answer, bearer, post, request } from "./support/Server.ts"
import { type ServerProcess, serverProcess } from "./support/ServerProcess.ts"
import { sign } from "./support/Tokens.ts"
import { traceCollector } from "./support/TraceCollector.ts"

const planted = (what: string) => `planted${what}${randomBytes(12).toString("hex")}`

const ALICE = 1
const BOB = 2
const NOBODY = 404

/** What must never be seen, wherever the server writes. */
const plant = Effect.gen(function* () {
  const jwtSecret = planted("Secret")
  const mint = (claims: Record<string, unknown>) =>
    sign(new TextEncoder().encode(jwtSecret), claims, { alg: "HS256" })
  const now = Math.floor(Date.now() / 1000)
  const tokens = {
    service: yield* mint({ scope: "service", exp: now + 600 }),
    alice: yield* mint({ sub: String(ALICE), exp: now + 600 }),
    expired: yield* mint({ sub: String(ALICE), exp: now - 600 }),
    nonsense: planted("Token")
  }
  const content = planted("Content")
  return {
    jwtSecret,
    tokens,
    content,
    databasePassword: planted("DatabasePassword"),
    redisPassword: planted("RedisPassword"),
    basic: planted("Basic")
  }
})

type Planted = Effect.Success<typeof plant>

const secretsOf = ({ jwtSecret, tokens, content, databasePassword, redisPassword, basic }: Planted) => [
  jwtSecret,
  ...Object.values(tokens),
  // The part that a log might shorten a token to.
  ...Object.values(tokens).map((token) => token.split(".").at(-1)!),
  content,
  databasePassword,
  redisPassword,
  basic
]

const assertClean = (where: string, text: string, secrets: ReadonlyArray<string>) => {
  for (const secret of secrets) assert.notInclude(text, secret, `${where} holds a secret`)
}

const makeUsers = ({ url }: ServerProcess, { tokens }: Planted) =>
  Effect.forEach(["alice", "bob"], (username) => post(`${url}/users/`, { username }, bearer(tokens.service)))

/** Calls that succeed and calls that fail in every way that a client can make them fail. */
const restCalls = ({ url }: ServerProcess, { tokens, content, basic }: Planted) => {
  const messages = `${url}/messages/`
  const draft = { sender_id: ALICE, receiver_id: BOB, content }
  const service = bearer(tokens.service)
  const raw = (body: string, headers: Record<string, string> = {}) =>
    request(messages, {
      method: "POST",
      headers: { ...service, "content-type": "application/json", ...headers },
      body
    })
  return {
    sent: post(messages, draft, service),
    "sent with a client_id": post(messages, { ...draft, client_id: "c1" }, service),
    conflict: post(messages, { ...draft, content: `${content}!`, client_id: "c1" }, service),
    "no receiver": post(messages, { ...draft, receiver_id: NOBODY }, service),
    "no sender": post(messages, { ...draft, sender_id: NOBODY }, service),
    "to itself": post(messages, { ...draft, receiver_id: ALICE }, service),
    "too long": post(messages, { ...draft, content: content.repeat(50) }, service),
    "an object": post(messages, { ...draft, content: { text: content } }, service),
    "a list": post(messages, { ...draft, content: [content] }, service),
    "a NUL": post(messages, { ...draft, content: `${content}\0` }, service),
    "a lone surrogate": post(messages, { ...draft, content: `${content}\ud800` }, service),
    "in the place of an id": post(
      messages,
      { ...draft, sender_id: content, receiver_id: [content] },
      service
    ),
    "as a client_id": post(messages, { ...draft, client_id: `${content}\n` }, service),
    "as a username": post(
      `${url}/users/`,
      { username: `${content}-`, display_name: content.repeat(9) },
      service
    ),
    "no JSON": raw(`{"content":"${content}`),
    "JSON of another kind": raw(`"${content}"`),
    "another type": raw(`content=${content}`, { "content-type": "application/x-www-form-urlencoded" }),
    "too large": raw(JSON.stringify({ ...draft, content: content.repeat(5000) })),
    "in the query": request(`${messages}?user_id=${content}&limit=${content}&token=${tokens.alice}`, {
      headers: service
    }),
    "no token": post(messages, draft),
    "another scheme": post(messages, draft, { authorization: `Basic ${basic}` }),
    "a bad token": post(messages, draft, bearer(tokens.nonsense)),
    "an expired token": post(messages, draft, bearer(tokens.expired)),
    "another's": post(messages, { ...draft, sender_id: BOB, receiver_id: ALICE }, bearer(tokens.alice)),
    "another method": request(messages, { method: "DELETE", headers: service }),
    nowhere: request(`${url}/nowhere?token=${tokens.alice}&content=${content}`, { headers: service }),
    history: request(`${messages}?user_id=${ALICE}`, { headers: service }),
    recent: request(`${url}/messages/recent/${BOB}`, { headers: service }),
    events: request(`${url}/users/${BOB}/events?since=0`, { headers: service })
  } satisfies Record<string, Effect.Effect<Answer>>
}

const callAll = Effect.fnUntraced(function* (
  calls: ReturnType<typeof restCalls>,
  secrets: ReadonlyArray<string>
) {
  const statuses: Record<string, number> = {}
  for (const [name, call] of Object.entries(calls)) {
    const { status, headers, body } = yield* call
    statuses[name] = status
    const headerText = [...headers].flat().join("\n")
    assertClean(`the head of "${name}"`, headerText, secrets)
    if (status >= 400) assertClean(`the error "${name}"`, body, secrets)
  }
  return statuses
})

const useSocket = Effect.fnUntraced(function* (
  { webSocketUrl }: ServerProcess,
  { tokens, content }: Planted,
  secrets: ReadonlyArray<string>
) {
  for (const token of [tokens.expired, tokens.nonsense]) {
    for (const options of [{ headers: bearer(token) }, { protocols: ["minichat.v2", `bearer.${token}`] }]) {
      const { status, body } = yield* Effect.flip(
        openSocket(`${webSocketUrl}/ws/${ALICE}?since=0&token=${tokens.service}`, options)
      )
      assert.strictEqual(status, 401)
      assertClean("a refused handshake", body, secrets)
    }
  }
  const socket = yield* openSocket(`${webSocketUrl}/ws/${ALICE}`, {
    protocols: ["minichat.v2", `bearer.${tokens.alice}`]
  })
  yield* socket.nextOf("system")
  yield* socket.send({ type: "send", receiver_id: BOB, content })
  yield* socket.nextOf("ack")
  const refused: ReadonlyArray<unknown> = [
    content,
    `{"type":"send","content":"${content}`,
    `"${content}"`,
    { type: content },
    { type: "send", receiver_id: NOBODY, content },
    { type: "send", receiver_id: ALICE, content },
    { type: "send", receiver_id: BOB, content: content.repeat(50) },
    { type: "send", receiver_id: BOB, content: { text: content } },
    { type: "send", receiver_id: content, content: [content] },
    { type: "auth", token: tokens.nonsense },
    { type: "auth", token: tokens.expired },
    { type: "auth", token: { token: tokens.alice } }
  ]
  for (const frame of refused) {
    yield* socket.send(frame)
    assertClean("an error frame", JSON.stringify(yield* socket.nextOf("error")), secrets)
  }
  yield* socket.send({ type: "auth", token: tokens.alice })
  yield* socket.send({ type: "ping" })
  yield* socket.nextOf("pong")
  yield* Effect.sync(() => socket.socket.close())
})

/** Ends the server, and looks through all that it wrote, measured and traced. */
const inspect = Effect.fnUntraced(function* (
  server: ServerProcess,
  traces: Effect.Success<typeof traceCollector>,
  secrets: ReadonlyArray<string>
) {
  const metrics = yield* request(`${server.url}/metrics`)
  assertClean("/metrics", metrics.body, secrets)
  assert.strictEqual(yield* server.stop, 0)
  assert.include(server.output(), '"level":"INFO"')
  assertClean("the log", server.output(), secrets)
  assertClean("a trace", traces.exported(), secrets)
})

const EXPECTED = {
  sent: 200,
  "sent with a client_id": 200,
  conflict: 409,
  "no receiver": 404,
  "no sender": 404,
  "to itself": 422,
  "too long": 422,
  "an object": 422,
  "a list": 422,
  "a NUL": 422,
  "a lone surrogate": 422,
  "in the place of an id": 422,
  "as a client_id": 422,
  "as a username": 422,
  "no JSON": 422,
  "JSON of another kind": 422,
  "another type": 415,
  "too large": 413,
  "in the query": 422,
  "no token": 401,
  "another scheme": 401,
  "a bad token": 401,
  "an expired token": 401,
  "another's": 403,
  "another method": 405,
  nowhere: 404,
  history: 200,
  recent: 200,
  events: 200
}

describe("no token, password or content is written anywhere", () => {
  it.live(
    "by an embedded server whose Redis is unavailable",
    () =>
      Effect.gen(function* () {
        const secret = yield* plant
        const secrets = secretsOf(secret)
        const traces = yield* traceCollector
        const { dataDir } = yield* freshDataDir
        const server = yield* serverProcess({
          DATA_DIR: dataDir,
          REDIS_URL: `redis://:${secret.redisPassword}@127.0.0.1:1`,
          AUTH: "required",
          JWT_SECRET: secret.jwtSecret,
          LOG_LEVEL: "All",
          OTEL_EXPORTER_OTLP_ENDPOINT: traces.url
        })
        yield* makeUsers(server, secret)
        assert.deepStrictEqual(yield* callAll(restCalls(server, secret), secrets), EXPECTED)
        yield* useSocket(server, secret, secrets)
        const noHandshake = yield* webSocketHandshake(server.port, `/ws/${ALICE}`, {
          Authorization: `Bearer ${secret.tokens.alice}`,
          "Sec-WebSocket-Key": undefined
        })
        yield* noHandshake.closed
        yield* inspect(server, traces, secrets)
        assert.notInclude(
          server.output(),
          '"level":"ERROR"',
          "what clients do wrong is no error of the server"
        )
      }),
    90_000
  )

  it.live.runIf(databaseUrl !== undefined && redisUrl !== undefined)(
    "by a server that loses its database and Redis, and fails in a way that nobody foresaw",
    () =>
      Effect.gen(function* () {
        const secret = yield* plant
        const secrets = secretsOf(secret)
        const traces = yield* traceCollector
        const direct = Redacted.value(Option.getOrThrow((yield* freshDatabase).databaseUrl))
        const database = yield* tcpProxy(new URL(direct))
        const redis = yield* tcpProxy(new URL(redisUrl!))
        const withPassword = (url: string, password: string) => {
          const changed = new URL(url)
          changed.password = password
          return changed.href
        }
        const server = yield* serverProcess({
          DATABASE_URL: withPassword(database.url.href, secret.databasePassword),
          REDIS_URL: withPassword(redis.url.href, secret.redisPassword),
          REDIS_PREFIX: `${planted("Prefix")}:`,
          AUTH: "required",
          JWT_SECRET: secret.jwtSecret,
          LOG_LEVEL: "All",
          OTEL_EXPORTER_OTLP_ENDPOINT: traces.url
        })
        yield* makeUsers(server, secret)
        const calls = restCalls(server, secret)
        assert.deepStrictEqual(yield* callAll(calls, secrets), EXPECTED)
        yield* useSocket(server, secret, secrets)

        const isHealthy = (status: string) =>
          until(
            `the server is ${status}`,
            Effect.map(request(`${server.url}/health`), ({ body }) => JSON.parse(body).status === status),
            "30 seconds"
          )
        yield* redis.cut
        yield* isHealthy("DEGRADED")
        yield* callAll(calls, secrets)
        yield* database.cut
        yield* isHealthy("ERROR")
        const away = yield* callAll(calls, secrets)
        assert.include(away, { sent: 503, history: 503, recent: 503, events: 503 })
        yield* redis.restore
        yield* database.restore
        yield* isHealthy("OK")

        // A rule that only this database has: the server cannot have foreseen it, and the error names the row.
        const admin = PgClient.make({ url: Redacted.make(direct), maxConnections: 1 }).pipe(
          Effect.flatMap(
            (sql) => sql`ALTER TABLE messages ADD CHECK (content NOT LIKE 'planted%') NOT VALID`
          ),
          Effect.scoped,
          Effect.provide(Reactivity.layer)
        )
        yield* admin
        const broken = yield* callAll(calls, secrets)
        assert.strictEqual(broken.sent, 503)
        assert.match(server.output(), /A statement failed: .* violates check constraint .* \(23514\)/)
        yield* inspect(server, traces, secrets)
      }),
    120_000
  )
})
