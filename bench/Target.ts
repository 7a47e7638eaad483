import type { Postgres } from "./system/Postgres.ts"
import type { RedisServer } from "./system/RedisServer.ts"

/** A server to load, with its own database and Redis, and the users that it made for the run. */
export interface Target {
  readonly label: string
  readonly entry: string
  readonly env: Record<string, string>
  readonly databaseUrl: string | undefined
  users: ReadonlyArray<number>
}

const entryOf = (path: string): string => new URL(path, import.meta.url).pathname

const ENTRIES = {
  server: entryOf("../src/main.ts"),
  baseline: entryOf("./baseline/main.ts"),
  constant: entryOf("./constant/main.ts")
}

export const makeTarget = async (
  label: string,
  entry: string,
  workers: number,
  postgres: Postgres,
  redis: RedisServer
): Promise<Target> => {
  const databaseUrl = await postgres.createDatabase()
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: await redis.takeDatabase(),
    WORKERS: String(workers),
    NODE_ENV: "production",
    // The loads hold more sockets than the server allows by default.
    MAX_SOCKETS: "1000000",
    MAX_SOCKETS_PER_USER: "1000000"
  }
  return { label, entry, env, databaseUrl, users: [] }
}

export const makeTargets = async (
  { target, workers }: { readonly target: "server" | "baseline"; readonly workers: number },
  postgres: Postgres,
  redis: RedisServer
): Promise<readonly [Target, Target]> => {
  const itself = target === "baseline"
  return [
    await makeTarget(itself ? "baseline A" : "server", ENTRIES[target], workers, postgres, redis),
    await makeTarget(itself ? "baseline B" : "baseline", ENTRIES.baseline, workers, postgres, redis)
  ]
}

/** Answers a constant: what the load tool reaches here is its own limit. */
export const constantTarget: Target = {
  label: "constant",
  entry: ENTRIES.constant,
  env: {},
  databaseUrl: undefined,
  users: []
}
