import { PgClient } from "@effect/sql-pg"
import { Cause, Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { Redis as IORedis } from "ioredis"

/** What was said first, below what was made of it. */
const rootMessage = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error
    ? rootMessage(error.cause)
    : error instanceof Error
      ? error.message
      : String(error)

/** Makes a database and drops it, as the tests do. */
const checkDatabase = (url: string) => {
  const name = `minichat_test_check_${process.pid}`
  return Effect.flatMap(PgClient.make({ url: Redacted.make(url), maxConnections: 1 }), (sql) =>
    Effect.andThen(sql.unsafe(`CREATE DATABASE ${name}`), sql.unsafe(`DROP DATABASE ${name}`))
  ).pipe(Effect.scoped, Effect.provide(Reactivity.layer))
}

const checkRedis = (url: string) =>
  Effect.tryPromise(async () => {
    const client = new IORedis(url, { lazyConnect: true, retryStrategy: () => null })
    // What the server or the network said; `connect` says only that the connection closed.
    let failure: Error | undefined
    client.on("error", (error: Error) => {
      failure ??= error
    })
    try {
      await client.connect()
      await client.ping()
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error))
    } finally {
      client.disconnect()
    }
    // Also where the connection goes on after it, as with a database number that the server does not have.
    if (failure !== undefined) throw failure
  })

/**
 * What is wrong with the servers to test against, in one line, with the variable that names the server and what the server or the network
 * said; none when both can be used.
 */
export const checkServices = Effect.fnUntraced(function* (services: {
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
}) {
  const check = (
    variable: string,
    url: string | undefined,
    use: (url: string) => Effect.Effect<unknown, unknown>
  ) =>
    url === undefined
      ? Effect.undefined
      : Effect.matchCause(Effect.timeout(use(url), "10 seconds"), {
          onSuccess: () => undefined,
          onFailure: (cause) => `${variable} cannot be used: ${rootMessage(Cause.squash(cause))}`
        })
  return (
    (yield* check("TEST_DATABASE_URL", services.databaseUrl, checkDatabase)) ??
    (yield* check("TEST_REDIS_URL", services.redisUrl, checkRedis))
  )
})
