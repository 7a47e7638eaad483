import { globSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { draft, newPair, reposOn } from "../repo/Repos.ts"
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
      const locked = yield* Deferred.make<void>()
      yield* sends`LOCK TABLE held IN ACCESS EXCLUSIVE MODE`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Effect.never),
        sends.withTransaction,
        Effect.forkScoped
      )
      yield* Deferred.await(locked)

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
})

describe("a statement that may be asked twice", () => {
  it("calls no function that changes something", () => {
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
        const [after] = text
          .slice(match.index + match[0].length)
          .split(/\n\s*(?:const|return|yield\*)\b|\n\n/)
        return /inPipeline\(\s*(?:\/\/.*\s*)?sql(?:<[^`]*>)?$/.test(before) || /\binPipeline\b/.test(after!)
          ? [`${file}: ${match[1]!.trim().slice(0, 60)}`]
          : []
      })
    })
    assert.deepEqual(found, [])
  })
})
