import { execFileSync } from "node:child_process"
import { accessSync, constants, globSync } from "node:fs"
import { delimiter, join } from "node:path"
import { Effect } from "effect"

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const onPath = (): ReadonlyArray<string> => (process.env.PATH ?? "").split(delimiter)

const pgConfig = (): ReadonlyArray<string> => {
  try {
    return [execFileSync("pg_config", ["--bindir"], { encoding: "utf8" }).trim()]
  } catch {
    return []
  }
}

const find = (names: ReadonlyArray<string>, folders: ReadonlyArray<string>, hint: string) =>
  Effect.suspend(() => {
    const folder = folders.find((each) => names.every((name) => isExecutable(join(each, name))))
    return folder === undefined
      ? Effect.die(new Error(`The fault tests need ${names.join(" and ")}: ${hint}`))
      : Effect.succeed(folder)
  })

const withPrograms = (...names: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.suspend(() =>
    find(
      names,
      [...onPath(), ...globSync("/usr/lib/postgresql/*/bin").sort().reverse(), ...pgConfig()],
      "install the PostgreSQL server (Debian: postgresql)"
    )
  )

/** The folder with the programs of the newest PostgreSQL server. */
export const postgresFolder = withPrograms("initdb", "postgres")

/** The same, of one that brings what makes a standby. */
export const replicationFolder = withPrograms("initdb", "postgres", "pg_basebackup")

export const redisServer: Effect.Effect<string> = Effect.suspend(() =>
  find(["redis-server"], [...onPath(), "/usr/local/bin"], "install Redis (Debian: redis-server)").pipe(
    Effect.map((folder) => join(folder, "redis-server"))
  )
)
