import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { User } from "../../src/domain/User.ts"
import { ErasureRepo, STEP } from "../../src/repo/ErasureRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { draft, newPair, newUsers, postgresRepos, sendOne, verdicts } from "./Repos.ts"
import { opened, somebodyWaits } from "./Transactions.ts"

describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  layer(postgresRepos, { excludeTestServices: true })("an erasure", (it) => {
    it.effect("of many messages takes a bounded part in each transaction, and sends go on in between", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { message } = yield* sendOne(draft(alice, bob, "secret"))
        const { sends: sql } = yield* Database
        yield* sql`
          INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
          SELECT ${alice.id}::int, ${bob.id}::int, ${message.conversation_id!}::bigint, 'secret', clock_timestamp()
          FROM generate_series(2, 1300)`
        const repo = yield* ErasureRepo
        const carol = (yield* newUsers(1))[0]!
        yield* repo.order(alice.id)

        const sizes: Array<number> = []
        for (;;) {
          const { appended, isDone } = yield* repo.step(alice.id, STEP)
          if (isDone) break
          sizes.push(appended.length)
          yield* sendOne(draft(carol, bob, "meanwhile"))
        }

        assert.deepEqual(
          sizes.filter((size) => size > 1),
          [500, 500, 300]
        )
        const transactions = yield* sql<{ readonly rows: number }>`
          SELECT count(*)::int AS rows FROM messages WHERE sender_id = ${alice.id}::int GROUP BY xmin::text`
        assert.isAtMost(Math.max(...transactions.map(({ rows }) => rows)), STEP.rows)
        const events = yield* sql<{ readonly rows: number }>`
          SELECT count(*)::int AS rows FROM inbox_events GROUP BY xmin::text`
        assert.isAtMost(Math.max(...events.map(({ rows }) => rows)), STEP.events)
        const left = yield* sql`SELECT FROM messages WHERE sender_id = ${alice.id}::int AND content <> ''`
        assert.lengthOf(left, 0)
      })
    )

    it.effect("leaves nothing of sends that are under way when it is ordered", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const messages = yield* MessageRepo
        const erasures = yield* ErasureRepo
        const send = Effect.map(
          Effect.forEach(
            Array.from({ length: 20 }),
            () => messages.send([draft(alice, bob, "secret"), draft(alice, bob, "secret")]),
            { concurrency: "unbounded" }
          ),
          (outcomes) => outcomes.flat()
        )
        const [first, , second] = yield* Effect.all([send, erasures.order(alice.id), send], {
          concurrency: "unbounded"
        })
        const outcomes = [...first, ...second]
        assert.includeMembers(["sent", "SenderNotFound"], [...new Set(verdicts(outcomes))])
        assert.deepEqual(verdicts(yield* messages.send([draft(alice, bob)])), ["SenderNotFound"])

        while (!(yield* erasures.step(alice.id, STEP)).isDone);

        const { sends: sql } = yield* Database
        const rows = yield* sql<{ readonly content: string }>`
          SELECT content FROM messages WHERE sender_id = ${alice.id}::int`
        assert.lengthOf(rows, outcomes.filter(Result.isSuccess).length)
        assert.isTrue(rows.every(({ content }) => content === ""))
      })
    )

    it.effect("of the author or of the reporter finds a report that is under way", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const carol = (yield* newUsers(1))[0]!
        const erasures = yield* ErasureRepo
        const { sends: sql } = yield* Database
        const erase = (user: User) =>
          Effect.andThen(
            erasures.order(user.id),
            Effect.repeat(erasures.step(user.id, STEP), { until: ({ isDone }) => isDone })
          )
        const duringReport = Effect.fnUntraced(function* (by: User, from: User, erased: User) {
          const { message } = yield* sendOne(draft(from, by, "secret"))
          const { commit } = yield* opened(
            (sql) => sql`SELECT * FROM report_message(${by.id}::int, ${message.id}::bigint, 'secret')`
          )
          const erasing = yield* Effect.forkChild(erase(erased), { startImmediately: true })
          yield* somebodyWaits()
          yield* commit
          yield* Fiber.join(erasing)
          return yield* sql`SELECT reporter_id, reason, content FROM reports WHERE message_id = ${message.id}::bigint`
        })

        assert.deepEqual(yield* duringReport(bob, alice, alice), [
          { reporter_id: bob.id, reason: "secret", content: "" }
        ])
        assert.deepEqual(yield* duringReport(bob, carol, bob), [
          { reporter_id: null, reason: null, content: "secret" }
        ])
      })
    )

    it.effect(
      "that is ordered during a change of the profile leaves no user to change, and one to make",
      () =>
        Effect.gen(function* () {
          const profiles = yield* ProfileRepo
          const alice = yield* Effect.flatMap(profiles.put("ext-alice", {}), ({ value }) => value)
          const bob = yield* Effect.flatMap(profiles.put("ext-bob", {}), ({ value }) => value)
          const duringErasure = Effect.fnUntraced(function* <A, E, R>(
            erased: User,
            call: Effect.Effect<A, E, R>
          ) {
            const { commit } = yield* opened((sql) => sql`SELECT * FROM order_erasure(${erased.id}::int)`)
            const calling = yield* Effect.forkChild(call, { startImmediately: true })
            yield* somebodyWaits()
            yield* commit
            return yield* Fiber.join(calling)
          })

          const updated = Effect.flatMap(
            profiles.update(alice.id, { display_name: "Al" }),
            ({ value }) => value
          )
          assert.strictEqual((yield* duringErasure(alice, Effect.flip(updated)))._tag, "UserNotFound")
          const put = Effect.flatMap(profiles.put("ext-bob", { display_name: "Bo" }), ({ value }) => value)
          const made = yield* duringErasure(bob, put)
          assert.notStrictEqual(made.id, bob.id)
          assert.include(made, { display_name: "Bo", external_id: "ext-bob" })
        })
    )

    it.effect("is carried out by two nodes at once as by one", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        for (let i = 0; i < 10; i++) yield* sendOne(draft(alice, bob, "secret"))
        const repo = yield* ErasureRepo
        yield* repo.order(alice.id)
        const work = Effect.repeat(repo.step(alice.id, { rows: 1, events: 10 }), {
          until: ({ isDone }) => isDone
        })
        yield* Effect.all([work, work], { concurrency: "unbounded" })
        const { sends: sql } = yield* Database
        const told = yield* sql<{
          readonly type: string
          readonly events: number
          readonly messages: number
        }>`
          SELECT type, count(*)::int AS events, count(DISTINCT message_id)::int AS messages FROM inbox_events
          WHERE user_id = ${bob.id}::int AND type IN ('message_deleted', 'conversation_updated') GROUP BY 1 ORDER BY 1`
        assert.deepEqual(told, [
          { type: "conversation_updated", events: 1, messages: 0 },
          { type: "message_deleted", events: 10, messages: 10 }
        ])
      })
    )
  })
})
