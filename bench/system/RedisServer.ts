import type { ChildProcess } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { Redis } from "ioredis"
import { start, stop } from "./Children.ts"
import { freePort } from "./Ports.ts"

const LOGICAL_DATABASES = 16

const findOnPath = (name: string): string | undefined =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

const connect = async (url: string, attempts: number): Promise<Redis> => {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => (attempt < attempts ? 50 : null)
  })
  let reason = ""
  redis.on("error", (error: Error & { readonly code?: string }) => {
    reason = error.message || error.code || reason
  })
  await redis.connect().catch(() => {})
  for (
    let attempt = 0;
    attempt < attempts * 2 && redis.status !== "ready" && redis.status !== "end";
    attempt++
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  if (redis.status === "ready") return redis
  redis.disconnect()
  throw new Error(`No Redis at ${new URL(url).host} (${reason}); set TEST_REDIS_URL`)
}

/** A Redis for the run: TEST_REDIS_URL, else a redis-server that ends with it, else the local one. */
export class RedisServer implements AsyncDisposable {
  readonly #url: URL
  readonly #admin: Redis
  readonly #process: ChildProcess | undefined
  readonly #used: Array<number> = []

  private constructor(url: URL, admin: Redis, process: ChildProcess | undefined) {
    this.#url = url
    this.#admin = admin
    this.#process = process
  }

  static async start(folder: string): Promise<RedisServer> {
    const given = process.env.TEST_REDIS_URL
    const binary = given === undefined ? findOnPath("redis-server") : undefined
    if (binary === undefined) {
      const url = given ?? "redis://127.0.0.1:6379"
      return new RedisServer(new URL(url), await connect(url, 1), undefined)
    }
    const port = await freePort()
    const settings = { bind: "127.0.0.1", port: String(port), save: "", appendonly: "no", dir: folder }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const child = start({ file: binary, args, logFile: join(folder, "redis.log") })
    const url = `redis://127.0.0.1:${port}`
    try {
      return new RedisServer(new URL(url), await connect(url, 100), child)
    } catch (error) {
      await stop(child)
      throw error
    }
  }

  async version(): Promise<string> {
    const info = await this.#admin.info("server")
    const version = /redis_version:(\S+)/.exec(info)?.[1] ?? "unknown"
    return this.#process === undefined ? `${version} (shared)` : `${version} (own, no persistence)`
  }

  /** Takes an empty logical database and answers its URL; it is emptied again at the end. */
  async takeDatabase(): Promise<string> {
    const info = await this.#admin.info("keyspace")
    for (let index = LOGICAL_DATABASES - 1; index >= 0; index--) {
      if (this.#used.includes(index) || info.includes(`db${index}:`)) continue
      this.#used.push(index)
      const url = new URL(this.#url)
      url.pathname = String(index)
      return url.href
    }
    throw new Error(`No empty logical database in the Redis at ${this.#url.host}`)
  }

  async cpuSeconds(): Promise<number> {
    const info = await this.#admin.info("cpu")
    const read = (name: string): number => Number(new RegExp(`${name}:(\\S+)`).exec(info)?.[1] ?? 0)
    return read("used_cpu_user") + read("used_cpu_sys")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const index of this.#used) {
      await this.#admin
        .select(index)
        .then(() => this.#admin.flushdb())
        .catch(() => {})
    }
    this.#admin.disconnect()
    if (this.#process !== undefined) await stop(this.#process)
  }
}
