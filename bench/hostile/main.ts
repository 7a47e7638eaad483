import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Postgres } from "../system/Postgres.ts"
import { RedisServer } from "../system/RedisServer.ts"
import { ServerProcess } from "../system/ServerProcess.ts"
import type { Measurement } from "./Case.ts"
import { SECRET, serviceToken } from "./Client.ts"
import { reads } from "./CostlyReads.ts"
import { frames, metrics } from "./Floods.ts"
import { polls, sockets } from "./Places.ts"
import { unreadAnswers } from "./Unread.ts"

/** What costly and hostile clients do to others. Each case runs on a server, a database and a Redis of its own. */
const CASES: Readonly<Record<string, Measurement>> = {
  // Without limits nothing of the load is refused.
  skip: { env: { RATE_LIMITS: "off" }, run: (one) => reads({ ...one, only: "skip" }) },
  reads: { env: { RATE_LIMITS: "off" }, run: reads },
  unread: {
    env: { RATE_LIMITS: "off", NODE_OPTIONS: "--max-old-space-size=512", SLOW_READER_TIMEOUT: "1 hour" },
    run: unreadAnswers
  },
  metrics: { env: { WORKERS: "2", RATE_LIMITS: "off" }, run: metrics },
  frames: { env: {}, run: frames },
  // Each on a server of its own: what the first left free would be taken by the second.
  sockets: { env: { RATE_LIMITS: "off" }, run: sockets },
  polls: { env: { RATE_LIMITS: "off" }, run: polls }
}

const { positionals } = parseArgs({ allowPositionals: true })
const chosen = positionals.length > 0 ? positionals : Object.keys(CASES)

await using resources = new AsyncDisposableStack()
const postgres = resources.use(await Postgres.connect())
const folder = await mkdtemp(join(tmpdir(), "mini-chat-hostile-"))
resources.defer(() => rm(folder, { recursive: true, force: true }))
const redis = resources.use(await RedisServer.start(folder))
// `reads=export` measures only the reads that begin so.
for (const text of chosen) {
  const [name = "", only = ""] = text.split("=")
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
  await one.run({ server, databaseUrl, service: await serviceToken(), only })
}
