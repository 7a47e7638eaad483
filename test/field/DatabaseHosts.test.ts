import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { draft, newPair, reposOn, sendOne } from "../repo/Repos.ts"
import { until } from "../support/Until.ts"
import * as Replicated from "./support/Replicated.ts"

const settings = (url: string) => ({
  databaseUrl: Option.some(Redacted.make(url)),
  databaseConnectTimeout: Duration.millis(1)
})

describe("a DATABASE_URL with several hosts", () => {
  it.live.each(["promote", "switchOver"] as const)(
    "leads to the one that takes writes, also after: %s",
    (event) =>
      Effect.gen(function* () {
        const replicated = yield* Replicated.make("synchronous")
        const url = yield* replicated.createDatabaseOnBoth("hosts")
        const repos = yield* Layer.build(reposOn(settings(url)))
        const { pipeline, sends, health } = Context.get(repos, Database)
        const ports = Effect.map(
          Effect.forEach(
            [pipeline, sends, health],
            (sql) => sql<{ readonly port: number }>`SELECT inet_server_port() AS port`
          ),
          (rows) => [...new Set(rows.map(([row]) => row!.port))]
        )

        yield* Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          yield* sendOne(draft(alice, bob))
          assert.deepEqual(yield* ports, [replicated.primaryPort])
          // The connections of now wait for statements: each is to notice by itself.
          const users = Context.get(repos, UserRepo)
          yield* Effect.all(
            Array.from({ length: 100 }, () => users.find(alice.id)),
            { concurrency: "unbounded" }
          )

          yield* replicated[event]
          const messages = Context.get(repos, MessageRepo)
          yield* until(Effect.map(messages.send([draft(alice, bob)]), ([sent]) => sent!._tag === "Success"))
          yield* until(Effect.match(users.find(alice.id), { onFailure: () => false, onSuccess: () => true }))
          assert.deepEqual(yield* ports, [replicated.standbyPort])
        }).pipe(Effect.provideContext(repos))
      })
  )

  it.live("leads to the one that takes writes after the other fell silent", () =>
    Effect.gen(function* () {
      const replicated = yield* Replicated.make("asynchronous")
      const url = yield* replicated.createDatabaseBehindProxy("hosts")
      const repos = yield* Layer.build(reposOn(settings(url)))
      yield* Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const messages = Context.get(repos, MessageRepo)
        const isSent = Effect.map(messages.send([draft(alice, bob)]), ([sent]) => sent!._tag === "Success")
        assert.isTrue(yield* isSent)
        // The standby has what was committed, before it is alone.
        yield* replicated.isCaughtUp

        yield* replicated.partition
        yield* until(isSent)
      }).pipe(Effect.provideContext(repos))
    })
  )

  it.live("of which none takes writes is refused in a line with what each said", () =>
    Effect.gen(function* () {
      const replicated = yield* Replicated.make("asynchronous")
      yield* replicated.createDatabaseOnBoth("hosts")
      const { standbyPort } = replicated
      const unused = "127.0.0.1:1"
      const url = `postgresql://minichat@${unused},127.0.0.1:${standbyPort}/postgres`
      const error = yield* Effect.flip(Layer.build(reposOn(settings(url))))
      assert.strictEqual(error._tag, "DatabaseStartError")
      assert.match(error.message, /DATABASE_URL.*127\.0\.0\.1:1: .*ECONNREFUSED.*; /)
      assert.include(
        error.message,
        `127.0.0.1:${standbyPort}: it takes no writes (target_session_attrs=read-write)`
      )
    })
  )
})
