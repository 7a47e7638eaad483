import { randomBytes } from "node:crypto"
import { userInfo } from "node:os"
import pg from "pg"
import { cpuSecondsOf } from "./Processes.ts"

/** The PostgreSQL server, through a connection to a database of its own, so that it counts to nobody's cost. */
export class Postgres implements AsyncDisposable {
  readonly #url: URL
  readonly #admin: pg.Client
  readonly #created: Array<string> = []

  private constructor(url: URL, admin: pg.Client) {
    this.#url = url
    this.#admin = admin
  }

  static async connect(): Promise<Postgres> {
    const url = new URL(
      process.env.TEST_DATABASE_URL ?? `postgresql://${userInfo().username}@127.0.0.1:5432/postgres`
    )
    const admin = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 5_000 })
    try {
      await admin.connect()
    } catch (error) {
      const reason =
        error instanceof Error && error.message ? error.message : String((error as { code?: string }).code)
      throw new Error(`No PostgreSQL at ${url.host} (${reason}); set TEST_DATABASE_URL`)
    }
    // Without a listener, the end of the server would end this process before it has cleaned up.
    admin.on("error", () => {})
    return new Postgres(url, admin)
  }

  async version(): Promise<string> {
    const { rows } = await this.#admin.query<{ version: string; fsync: string; commit: string }>(
      `select current_setting('server_version') as version, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as commit`
    )
    const { version, fsync, commit } = rows[0]!
    return `${version.split(" ")[0]} (fsync ${fsync}, synchronous_commit ${commit})`
  }

  /** Creates an empty database and answers its URL. */
  async createDatabase(): Promise<string> {
    const name = `bench_${randomBytes(6).toString("hex")}`
    await this.#admin.query(`create database ${name}`)
    this.#created.push(name)
    const url = new URL(this.#url)
    url.pathname = name
    return url.href
  }

  /** The CPU seconds of the backends that serve a database, by process. Only a server on this machine has them. */
  async cpuSeconds(databaseUrl: string): Promise<ReadonlyMap<number, number> | undefined> {
    const { rows } = await this.#admin.query<{ pid: number }>(
      "select pid from pg_stat_activity where datname = $1",
      [new URL(databaseUrl).pathname.slice(1)]
    )
    return this.#isLocal ? cpuSecondsOf(rows.map(({ pid }) => pid)) : undefined
  }

  get #isLocal(): boolean {
    return ["127.0.0.1", "localhost", "[::1]", ""].includes(this.#url.hostname)
  }

  /** So that one target's dirty pages are not written while the other one is measured. */
  async checkpoint(): Promise<void> {
    await this.#admin.query("checkpoint").catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#created) {
      await this.#admin.query(`drop database if exists ${name} with (force)`).catch((error: Error) => {
        process.stderr.write(`Could not drop the database ${name}: ${error.message}\n`)
      })
    }
    await this.#admin.end()
  }
}
