import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Redis as IORedis } from "ioredis"

/** The names of all tables and keys that hold a text, in whatever case. */
export const placesOf = (text: string, sql: SqlClient.SqlClient, redis: IORedis, prefix: string) =>
  Effect.gen(function* () {
    const wanted = text.toLowerCase()
    const tables = yield* sql<{ readonly name: string }>`
      SELECT table_name::text AS name FROM information_schema.tables
      WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`
    const places: Array<string> = []
    for (const { name } of tables) {
      const rows = yield* sql`SELECT FROM ${sql(name)} t WHERE strpos(lower(t::text), ${wanted}) > 0 LIMIT 1`
      if (rows.length > 0) places.push(name)
    }
    const keys = yield* Effect.promise(() => redis.keys(`${prefix}*`))
    for (const key of keys) {
      const value = yield* Effect.promise(async () =>
        (await redis.type(key)) === "string"
          ? await redis.get(key)
          : (await redis.dumpBuffer(key)).toString("latin1")
      )
      if (`${key}${value}`.toLowerCase().includes(wanted)) places.push(key.slice(prefix.length))
    }
    return places
  })
