import { globSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer } from "effect"
import { SqlError } from "effect/sql"
import { Database } from "../../src/database/Database.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ReportRepo } from "../../src/repo/ReportRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { draft, newPair, newUsername, reposOn } from "../repo/Repos.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"

describe.runIf(databaseUrl !== undefined)("a statement that waits for a lock", () => {
  it.live("does not hold up the reads that were written behind it, nor sends and health", () =>
    Effect.gen(function* () {
      const repos = yield* Layer.build(reposOn({ ...(yield* freshDatabase), databasePoolSize: 2 }))
      const { pipeline, sends, health, inPipeline } = Context.get(repos, Database)
      const users = Context.get(repos, UserRepo)
      const messages = Context.get(repos, MessageRepo)
      const { alice, bob } = yield* Effect.provideContext(newPair, repos)
      yield* sends`CREATE TABLE held ()`
      yield* lockTable(sends, "held")

      // Of one turn of the event loop: they are written together, the slow one first.
      const [slow, others] = yield* Effect.all([
        Effect.forkChild(inPipeline(pipeline`SELECT * FROM held`)),
        Effect.forkChild(Effect.all([users.find(alice.id), users.find(bob.id)], { concurrency: "unbounded" }))
      ])
      const found = yield* Fiber.join(others)

      assert.deepEqual(found, [alice, bob])
      const [sent] = yield* messages.send([draft(alice, bob)])
      assert.strictEqual(sent!._tag, "Success")
      yield* health`SELECT 1`
      assert.isUndefined(slow.pollUnsafe())
      yield* Fiber.interrupt(slow)
    })
  )

  it.live("does not hold up a write, which cannot be asked again", () =>
    Effect.gen(function* () {
      const repos = yield* Layer.build(reposOn({ ...(yield* freshDatabase), databasePoolSize: 1 }))
      const { pipeline, sends } = Context.get(repos, Database)
      yield* sends`CREATE TABLE held ()`
      yield* lockTable(sends, "held")

      const slow = yield* Effect.forkChild(pipeline`SELECT * FROM held`, { startImmediately: true })
      const username = newUsername()
      const made = yield* Context.get(repos, UserRepo).create(username, username)

      assert.strictEqual(made.username, username)
      assert.isUndefined(slow.pollUnsafe())
      yield* Fiber.interrupt(slow)
    })
  )

  it.live(
    "gives up as a write after a second, so that neither sends nor other writes wait for its connection",
    () =>
      Effect.gen(function* () {
        const repos = yield* Layer.build(reposOn(yield* freshDatabase))
        const { sends } = Context.get(repos, Database)
        const messages = Context.get(repos, MessageRepo)
        const { alice, bob } = yield* Effect.provideContext(newPair, repos)
        yield* lockTable(sends, "reports")

        const { resolve } = Context.get(repos, ReportRepo)
        const { cause } = yield* Effect.flip(resolve(1))
        assert.isTrue(SqlError.isSqlError(cause) && cause.reason._tag === "LockTimeoutError")
        const waiting = Effect.replicateEffect(
          Effect.forever(Effect.ignore(resolve(1))),
          MORE_THAN_CONNECTIONS,
          {
            concurrency: "unbounded"
          }
        )
        yield* Effect.forkScoped(waiting, { startImmediately: true })

        const [sent] = yield* messages.send([draft(alice, bob)])
        assert.strictEqual(sent!._tag, "Success")
        const username = newUsername()
        const made = yield* Context.get(repos, UserRepo).create(username, username)
        assert.strictEqual(made.username, username)
      })
  )
})

/** As many writes at once as there are connections for them, and some. */
const MORE_THAN_CONNECTIONS = 6

/** Locks a table until the scope closes. */
const lockTable = Effect.fnUntraced(function* (sql: Database["Service"]["sends"], table: string) {
  const locked = yield* Deferred.make<void>()
  yield* sql`LOCK TABLE ${sql(table)} IN ACCESS EXCLUSIVE MODE`.pipe(
    Effect.andThen(Deferred.succeed(locked, undefined)),
    Effect.andThen(Effect.never),
    sql.withTransaction,
    Effect.forkScoped
  )
  yield* Deferred.await(locked)
})

describe("a statement that changes something", () => {
  it("is neither asked twice nor written behind others", () => {
    const changing = globSync("migrations/functions/*.sql").flatMap((file) => {
      const isRead = /\b(STABLE|IMMUTABLE)\b/.test(readFileSync(file, "utf8"))
      return isRead ? [] : [file.replace(/.*\/|\.sql$/g, "")]
    })
    assert.include(changing, "create_named_user")
    const change = new RegExp(`^\\s*(INSERT|UPDATE|DELETE)\\b|\\b(${changing.join("|")})\\(`)
    const found = globSync("src/**/*.ts").flatMap((file) => {
      const text = readFileSync(file, "utf8")
      return [...text.matchAll(/`([^`]*)`/g)].flatMap((match) => {
        if (!change.test(match[1]!)) return []
        const before = text.slice(Math.max(0, match.index - 120), match.index)
        const isPipelined =
          /\bpipeline: sql\b/.test(text) && /(?<!\(sql\) =>\s+)\bsql(?:<[^`]*>)?$/.test(before)
        const [after] = text
          .slice(match.index + match[0].length)
          .split(/\n\s*(?:const|return|yield\*)\b|\n\n/)
        return isPipelined ||
          /inPipeline\(\s*(?:\/\/.*\s*)?sql(?:<[^`]*>)?$/.test(before) ||
          /\binPipeline\b/.test(after!)
          ? [`${file}: ${match[1]!.trim().slice(0, 60)}`]
          : []
      })
    })
    assert.deepEqual(found, [])
  })
})
