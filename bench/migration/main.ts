import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { PgClient, PgMigrator } from "@effect/sql-pg"
import { Console, Duration, Effect, Layer, Option, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import { AppConfig } from "../../src/AppConfig.ts"
import { Database } from "../../src/database/Database.ts"
import { loader } from "../../src/database/Migrations.ts"
import { int4 } from "../../src/database/SqlParameters.ts"
import { Postgres } from "../system/Postgres.ts"

const HELP = `How long a database of release 1.0 takes to become one of this release: no message is sent or read meanwhile.

  npm run bench:migration -- [options]

  --messages N  messages in the database (1000000)
  --help        this text

TEST_DATABASE_URL  a PostgreSQL server where databases may be created (postgresql://USER@127.0.0.1:5432/postgres)
`

const { values: options } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    messages: { type: "string", default: "1000000" }
  }
})

/** The last migration of release 1.0. */
const LAST_OF_1_0 = 3

const USERS = 10_000

/** A database of release 1.0 in which each user in turn wrote to one of the ten that follow. */
const seed = Effect.fnUntraced(function* (databaseUrl: string, messages: number) {
  const sql = yield* PgClient.make({ url: Redacted.make(databaseUrl), maxConnections: 1 })
  yield* PgMigrator.run({
    loader: Effect.map(loader, (all) => all.filter(([id]) => id <= LAST_OF_1_0))
  }).pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.provideService(PgClient.PgClient, sql))
  const users = int4(USERS)
  yield* sql`INSERT INTO users (username, display_name) SELECT 'user' || i, 'User ' || i FROM generate_series(1, ${users}) i`
  yield* sql`
    INSERT INTO messages (sender_id, receiver_id, content, client_id, timestamp)
    SELECT 1 + i % ${users}, 1 + (i + 1 + i / ${users} % 10) % ${users},
      'Message ' || i || ' of a usual length, such as people send to one another.', 'c' || i,
      timestamptz '2026-01-01' + i * interval '1 second'
    FROM generate_series(0, ${int4(messages - 1)}) i`
  yield* sql`
    INSERT INTO inbox_events (user_id, seq, type, message_id, created_at)
    SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY id), type, id, timestamp
    FROM messages CROSS JOIN LATERAL (VALUES (receiver_id, 'message'), (sender_id, 'message_sent')) AS e (user_id, type)`
  yield* sql`
    INSERT INTO inboxes (user_id, last_seq)
    SELECT id, coalesce((SELECT max(seq) FROM inbox_events e WHERE e.user_id = u.id), 0) FROM users u`
  yield* sql`VACUUM ANALYZE`
  yield* sql`CHECKPOINT`
}, Effect.scoped)

const start = (databaseUrl: string) =>
  Layer.build(
    Layer.fresh(Database.layer).pipe(
      Layer.provide([
        NodeServices.layer,
        AppConfig.layerWith({
          databaseUrl: Option.some(Redacted.make(databaseUrl)),
          redisUrl: Option.none(),
          logLevel: "Info"
        })
      ])
    )
  )

const program = Effect.gen(function* () {
  const messages = Number(options.messages)
  if (!Number.isSafeInteger(messages) || messages <= 0) {
    return yield* Effect.die(new Error(`--messages takes a number above 0, not "${options.messages}"`))
  }
  const postgres = yield* Effect.acquireDisposable(Effect.promise(() => Postgres.connect()))
  const url = yield* Effect.promise(() => postgres.createDatabase())
  yield* seed(url, messages)
  const [duration] = yield* Effect.timed(start(url))
  // One connection does all the work. On a machine that does other work as well, its CPU time is the better figure.
  const cpu = yield* Effect.promise(() => postgres.cpuSeconds(url))
  const cpuSeconds = cpu === undefined ? "unknown" : `${Math.max(...cpu.values()).toFixed(1)} s`
  yield* Console.log(
    `PostgreSQL ${yield* Effect.promise(() => postgres.version())}: ${messages.toLocaleString("en")} messages of ${USERS.toLocaleString("en")} users migrated in ${Duration.toSeconds(duration).toFixed(1)} s, CPU time of the connection ${cpuSeconds}`
  )
})

if (options.help) process.stdout.write(HELP)
else NodeRuntime.runMain(Effect.scoped(program).pipe(Effect.provide([NodeServices.layer, Reactivity.layer])))
