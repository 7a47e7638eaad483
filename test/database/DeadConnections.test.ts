import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { draft, newPair, reposOn, sendOne } from "../repo/Repos.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { until } from "../support/Until.ts"

describe.runIf(databaseUrl !== undefined)("connections that answer nothing any more", () => {
  it.live("are given up: reads and sends work again over new ones", () =>
    Effect.gen(function* () {
      const fresh = yield* freshDatabase
      const proxy = yield* tcpProxy(new URL(Redacted.value(Option.getOrThrow(fresh.databaseUrl))))
      const repos = yield* Layer.build(
        reposOn({ databaseUrl: Option.some(Redacted.make(proxy.url.href)), databasePoolSize: 2 })
      )
      yield* Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* sendOne(draft(alice, bob))
        const users = Context.get(repos, UserRepo)
        const messages = Context.get(repos, MessageRepo)

        yield* proxy.swallow
        const [read, [sent]] = yield* Effect.all(
          [Effect.flip(users.find(alice.id)), messages.send([draft(alice, bob)])],
          { concurrency: 2 }
        )

        assert.strictEqual(read._tag, "Unavailable")
        assert.isTrue(sent!._tag === "Failure")
        yield* until(Effect.match(users.find(alice.id), { onFailure: () => false, onSuccess: () => true }))
        yield* until(Effect.map(messages.send([draft(alice, bob)]), ([again]) => again!._tag === "Success"))
      }).pipe(Effect.provideContext(repos))
    })
  )

  it.live("of a node that lost its power end within a minute, and its transaction within 15 seconds", () =>
    Effect.gen(function* () {
      const repos = yield* Layer.build(reposOn({ databaseUrl: Option.some(Redacted.make(databaseUrl!)) }))
      const { pipeline, sends, writes, searches, apart } = Context.get(repos, Database)
      for (const sql of [pipeline, sends, writes, searches, yield* apart]) {
        const rows = yield* sql<{ readonly name: string; readonly setting: string }>`
          SELECT name, setting FROM pg_settings
          WHERE name IN ('idle_in_transaction_session_timeout', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count')
          ORDER BY name`
        assert.deepEqual(
          rows.map(({ name, setting }) => [name, setting]),
          [
            ["idle_in_transaction_session_timeout", "15000"],
            ["tcp_keepalives_count", "3"],
            ["tcp_keepalives_idle", "15"],
            ["tcp_keepalives_interval", "10"]
          ]
        )
      }
    })
  )
})
