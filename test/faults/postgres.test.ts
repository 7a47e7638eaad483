import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { Send } from "../../verify/Ledger.ts"
import { readersOf } from "../../verify/Outgoing.ts"
import * as Deployment from "./support/Deployment.ts"
import { type Answer, post, request } from "./support/Http.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import * as Load from "./support/Load.ts"
import { acknowledgementsWithin, assertConnected, conclude } from "./support/Outcome.ts"
import { PostgresServer } from "./support/PostgresServer.ts"
import { wrongLists } from "./support/RecentList.ts"
import { scale } from "./support/Scale.ts"
import { until } from "./support/Until.ts"

const ASKED_WHILE_DOWN = 10
const HEALED_WITHIN = "5 seconds"
/** What half of the sends to other inboxes may take meanwhile. */
const OTHERS_WITHIN = 1_000
/** Longer than a send waits for a lock. */
const LOCK_HELD = "5 seconds"

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("PostgreSQL", (it) => {
  it.effect("crashes and is started again", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresServer
      const deployment = yield* Deployment.make()
      const { clients, urls, users } = deployment
      const load = yield* Load.start(deployment)
      let asked = 0
      const ask = (url: string) =>
        post(`${url}/messages/`, {
          sender_id: users[0],
          receiver_id: users[1],
          content: `asked ${++asked}`,
          client_id: `asked-${asked}`
        })

      yield* postgres.crash
      const answers: Array<Answer> = []
      for (let times = 0; times < ASKED_WHILE_DOWN; times += 1) {
        answers.push(yield* ask(urls[times % urls.length]!))
        yield* Effect.sleep("300 millis")
      }
      const health = yield* request(`${urls[0]}/health`)
      yield* postgres.start
      const startedAt = performance.now()
      for (const url of urls) {
        yield* until(
          `${url} takes messages again`,
          Effect.map(ask(url), ({ status }) => status === 200),
          HEALED_WITHIN
        )
      }
      const healedIn = Math.round(performance.now() - startedAt)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop

      yield* conclude({
        ...deployment,
        load,
        fault: "PostgreSQL crashed",
        notes: [`healed in ${healedIn} ms`]
      })
      assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists after the crash")
      for (const { body, retryAfter, status } of answers) {
        assert.strictEqual(status, 503, body)
        assert.match(retryAfter ?? "", /^[1-9][0-9]*$/, "Retry-After")
      }
      assert.strictEqual(health.status, 503, health.body)
      assertConnected(clients)
    })
  )

  it.effect.skipIf(scale.short)("holds a lock on the head of an inbox", () =>
    Effect.gen(function* () {
      const deployment = yield* Deployment.make()
      const { sql, users } = deployment
      const load = yield* Load.start(deployment)
      const locked = yield* Deferred.make<void>()
      const from = performance.now()
      const lock = yield* sql`SELECT FROM inboxes WHERE user_id = ${users[0]} FOR UPDATE`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Effect.sleep(LOCK_HELD)),
        sql.withTransaction,
        Effect.orDie,
        Effect.forkScoped
      )
      yield* Deferred.await(locked)
      yield* load.acknowledged(scale.sendsPerSecond)
      const isHeld = lock.pollUnsafe() === undefined
      yield* Fiber.join(lock)
      const to = performance.now()
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop

      const others = load.sends.filter((send) => !readersOf(send).includes(users[0]!))
      const { max, p50 } = acknowledgementsWithin(others, { from, to })
      yield* conclude({
        ...deployment,
        load,
        fault: "inbox locked",
        notes: [`sends to other inboxes acknowledged in p50 ${p50} max ${max} ms`]
      })
      assert.isTrue(isHeld, "other inboxes take messages while one is locked")
      assert.isAtMost(p50, OTHERS_WITHIN, "sends to other inboxes are not held up")
    })
  )

  it.effect("commits a transaction after later ones, one that nobody announces", () =>
    Effect.gen(function* () {
      const deployment = yield* Deployment.make()
      const { clients, sql, users } = deployment
      const [sender, receiver] = users.slice(-2) as [number, number]
      const load = yield* Load.start({ ...deployment, clients: clients.slice(0, -2) })
      const inserted = yield* Deferred.make<Send>()
      const commit = yield* Deferred.make<void>()
      const send: Send = {
        clientId: "late",
        senderId: sender,
        receiverId: receiver,
        content: "committed late",
        attempts: [performance.now()]
      }
      const late = yield* Effect.gen(function* () {
        const [row] = yield* sql<{ readonly id: bigint }>`SELECT id FROM send_messages(
          ARRAY[${sender}]::int[], ARRAY[${receiver}]::int[], ARRAY[${send.content}]::text[], ARRAY[${send.clientId}]::text[])`
        send.acknowledged = { id: Number(row!.id), at: performance.now() }
        yield* Deferred.succeed(inserted, send)
        yield* Deferred.await(commit)
      }).pipe(sql.withTransaction, Effect.orDie, Effect.forkScoped)
      const { acknowledged } = yield* Deferred.await(inserted)

      yield* load.acknowledged(2 * scale.sendsPerSecond)
      const laterIds = load.sends.filter((each) => (each.acknowledged?.id ?? 0) > acknowledged!.id).length
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(late)
      yield* load.acknowledged(scale.sendsPerSecond)
      yield* load.stop

      yield* conclude({ ...deployment, load, besides: [send], fault: "transaction left open" })
      assert.strictEqual(yield* wrongLists(deployment), 0, "wrong recent lists in the end")
      assert.isAtLeast(laterIds, scale.sendsPerSecond, "messages with higher ids were committed before")
    })
  )
})
