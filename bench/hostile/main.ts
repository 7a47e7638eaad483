import { mkdtemp, rm } from "node:fs/promises"
import type { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import pg from "pg"
import { Postgres } from "../system/Postgres.ts"
import { RedisServer } from "../system/RedisServer.ts"
import { ServerProcess } from "../system/ServerProcess.ts"
import {
  during,
  getRequest,
  memberToken,
  opened,
  type Probe,
  probe,
  SECRET,
  serviceToken,
  upgradeRequest
} from "./Client.ts"

/** What costly and hostile clients do to others. Each case runs on a server, a database and a Redis of its own. */
const SOCKETS = 4000
const OWN_MESSAGES = 300_000
const SECONDS = 8

const SETTLE = 6000

interface Case {
  readonly server: ServerProcess
  readonly databaseUrl: string
  readonly service: string
}

const query = async (databaseUrl: string, ...statements: ReadonlyArray<string>) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

const users = (count: number) =>
  `SELECT count(create_user('user' || i, 'User')) FROM generate_series(1, ${count}) i`

const show = (what: string, { p50, p99, max, failed }: Probe) =>
  console.log(
    `${what.padEnd(48)} p50 ${p50.toFixed(1)}  p99 ${p99.toFixed(1)}  longest ${max.toFixed(0)} ms, ${failed} failed`
  )

/** Four times a second a page behind 10,000 own messages: other users' reads, and `/readyz`. */
const skip = async ({ server, databaseUrl, service }: Case) => {
  await query(
    databaseUrl,
    users(1000),
    `INSERT INTO messages (sender_id, receiver_id, content, timestamp)
      SELECT 1, 2 + i % 999, 'A message of a usual length.', now() FROM generate_series(1, ${OWN_MESSAGES}) i`,
    "VACUUM ANALYZE"
  )
  const member = await memberToken(1)
  const measure = async (what: string, load: () => void) => {
    const others = probe(server, (n) => `/users/${2 + (n % 900)}`, 200, { bearer: service })
    const ready = probe(server, () => "/readyz", 10)
    await during(SECONDS * 1000, 4, load)
    show(`GET /users/{id}, ${what}`, await others.stop())
    show(`GET /readyz, ${what}`, await ready.stop())
  }
  await measure("warm-up", () => {})
  await measure("quiet", () => {})
  const answers = new Map<number, number>()
  const path = `http://${server.host}:${server.port}/messages/?user_id=1&skip=10000&limit=1000`
  await measure("with skip=10000 four times a second", () => {
    fetch(path, { headers: { authorization: `Bearer ${member}` } }).then(
      async (response) => {
        await response.arrayBuffer()
        answers.set(response.status, (answers.get(response.status) ?? 0) + 1)
      },
      () => {}
    )
  })
  console.log("its answers by status:", Object.fromEntries(answers))
}

/** 500 strangers a second ask for `/metrics`: how long new connections wait, meanwhile and after it ended. */
const metrics = async ({ server }: Case) => {
  const probing = () => probe(server, () => "/livez", 20, { isNew: true })
  const quiet = probing()
  await sleep(3000)
  show("GET /livez, new connections, quiet", await quiet.stop())
  const meanwhile = probing()
  const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  await during(SECONDS * 1000, 100, () => {
    for (let i = 0; i < 5; i++) opened(server, request).catch(() => {})
  })
  const after = probing()
  await sleep(3000)
  show("GET /livez, 500 /metrics a second meanwhile", await meanwhile.stop())
  show("GET /livez, after it ended", await after.stop())
}

/** 100 sockets of one member write pings as fast as they are read, 100,000 a second at most. */
const frames = async ({ server, databaseUrl }: Case) => {
  await query(databaseUrl, users(1))
  const member = await memberToken(1)
  const ping = Buffer.concat([Buffer.from([0x81, 0x8f, 0, 0, 0, 0]), Buffer.from('{"type":"ping"}')])
  const pings = Buffer.alloc(ping.length * 100, ping)
  const sockets = await Promise.all(
    Array.from({ length: 100 }, () => opened(server, upgradeRequest(1, member)))
  )
  await sleep(1000)
  const livez = probe(server, () => "/livez", 20, { isNew: true })
  await during(SECONDS * 1000, 10, () => {
    for (const socket of sockets) if (socket.writableLength < pings.length) socket.write(pings)
  })
  show("GET /livez, 100 sockets that write pings", await livez.stop())
  for (const socket of sockets) socket.destroy()
}

/** What a waiting long poll and an idle socket take of the server's memory, each of a user of its own. */
const memory = async ({ server, databaseUrl, service }: Case, what: "poll" | "socket") => {
  await query(databaseUrl, users(SOCKETS * 2))
  const open = async (from: number, count: number) => {
    const sockets: Array<Socket> = []
    for (let userId = from; userId < from + count; userId++) {
      const bytes =
        what === "poll"
          ? getRequest(`/users/${userId}/events?since=0&wait=30`, service)
          : upgradeRequest(userId, service)
      sockets.push(await opened(server, bytes))
    }
    await sleep(SETTLE)
    return sockets
  }
  const warmUp = await open(SOCKETS + 1, 500)
  for (const socket of warmUp) socket.destroy()
  await sleep(SETTLE)
  const before = server.residentBytes()!
  const sockets = await open(1, SOCKETS)
  const each = (server.residentBytes()! - before) / SOCKETS / 1024
  const closed = sockets.filter(({ destroyed }) => destroyed).length
  console.log(`${SOCKETS} of type ${what}: ${each.toFixed(1)} KiB each, ${closed} closed`)
  for (const socket of sockets) socket.destroy()
}

const CASES: Readonly<
  Record<string, { readonly env: Record<string, string>; readonly run: (one: Case) => Promise<void> }>
> = {
  // Without limits nothing of the load is refused.
  skip: { env: { RATE_LIMITS: "off" }, run: skip },
  metrics: { env: { WORKERS: "2", RATE_LIMITS: "off" }, run: metrics },
  frames: { env: {}, run: frames },
  sockets: { env: {}, run: (one) => memory(one, "socket") },
  polls: { env: {}, run: (one) => memory(one, "poll") }
}

const { positionals } = parseArgs({ allowPositionals: true })
const chosen = positionals.length > 0 ? positionals : Object.keys(CASES)

await using resources = new AsyncDisposableStack()
const postgres = resources.use(await Postgres.connect())
const folder = await mkdtemp(join(tmpdir(), "mini-chat-hostile-"))
resources.defer(() => rm(folder, { recursive: true, force: true }))
const redis = resources.use(await RedisServer.start(folder))
for (const name of chosen) {
  const one = CASES[name]
  if (one === undefined) throw new Error(`No case ${name}; there are ${Object.keys(CASES).join(", ")}`)
  console.log(`\n${name}`)
  const databaseUrl = await postgres.createDatabase()
  await using server = await ServerProcess.start(
    {
      entry: new URL("../../src/main.ts", import.meta.url).pathname,
      env: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: await redis.takeDatabase(),
        NODE_ENV: "production",
        AUTH: "required",
        JWT_SECRET: SECRET,
        MAX_SOCKETS_PER_USER: "1000",
        LOG_LEVEL: "Warn",
        ...one.env
      },
      logFile: join(folder, `${name}.log`)
    },
    AbortSignal.timeout(60_000)
  )
  console.log(`a server on port ${server.port}`)
  await one.run({ server, databaseUrl, service: await serviceToken() })
}
