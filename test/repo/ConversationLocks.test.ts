import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import type { User } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { ReportRepo } from "../../src/repo/ReportRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  contentsOf,
  group,
  groupDraft,
  MAXIMUM,
  readBy,
  say,
  sendAllToGroups,
  told
} from "./Conversations.ts"
import { newUsers, postgresRepos } from "./Repos.ts"

/** Runs a call of a SQL function in a transaction that stays open until it is released. */
const holding = Effect.fnUntraced(function* (call: string) {
  const { pipeline: sql } = yield* Database
  const called = yield* Deferred.make<void>()
  const release = yield* Deferred.make<void>()
  const holder = yield* sql`SELECT * FROM ${sql.literal(call)}`.pipe(
    Effect.andThen(Deferred.succeed(called, undefined)),
    Effect.andThen(Deferred.await(release)),
    sql.withTransaction,
    Effect.forkScoped
  )
  yield* Deferred.await(called)
  return { release: Effect.orDie(Effect.andThen(Deferred.succeed(release, undefined), Fiber.join(holder))) }
})

/** Whether a transaction that begins now gets this lock of a conversation without waiting. */
const isFree = Effect.fnUntraced(function* (id: ConversationId, strength: "FOR UPDATE" | "FOR KEY SHARE") {
  const { pipeline: sql } = yield* Database
  const rows = yield* sql`SELECT FROM conversations WHERE id = ${id} ${sql.literal(strength)} SKIP LOCKED`
  return rows.length === 1
})

const untilOneWaits = Effect.gen(function* () {
  const { pipeline: sql } = yield* Database
  yield* sql<{ readonly waiting: number }>`SELECT count(*)::int AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
    Effect.repeat({ until: ([row]) => row!.waiting > 0 })
  )
})

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

const locks = () =>
  layer(postgresRepos, { excludeTestServices: true })("the lock of a conversation", (it) => {
    it.effect("is held alone by who changes the members: no send gets it", () =>
      Effect.gen(function* () {
        const [owner, member, other] = yield* three
        const { id } = yield* group(owner, [member])
        const changes = [
          `put_member(${owner.id}, ${id}, ${other.id}, NULL, '{owner}', '{owner}', ${MAXIMUM})`,
          `remove_member(${owner.id}, ${id}, ${member.id}, '{owner}', '{owner}')`
        ]
        for (const change of changes) {
          const { release } = yield* holding(change)
          assert.isFalse(yield* isFree(id, "FOR KEY SHARE"), change)
          yield* release
        }
        assert.isTrue(yield* isFree(id, "FOR UPDATE"))
      })
    )

    it.effect("is shared by sends, and kept from changes of members", () =>
      Effect.gen(function* () {
        const [owner, member] = yield* three
        const { id } = yield* group(owner, [member])
        const { release } = yield* holding(
          `send_group_messages('{${owner.id}}', '{${id}}', '{hello}', '{NULL}', NULL, NULL)`
        )
        assert.isTrue(yield* isFree(id, "FOR KEY SHARE"))
        assert.isFalse(yield* isFree(id, "FOR UPDATE"))
        yield* release
      })
    )

    it.effect(
      "is waited for by a report, so that its webhook event is behind those of the conversation",
      () =>
        Effect.gen(function* () {
          const [owner, member] = yield* three
          const { id } = yield* group(owner, [member])
          const message = yield* say(owner, { id }, "rude")
          const sending = yield* holding(
            `send_group_messages('{${owner.id}}', '{${id}}', '{hello}', '{NULL}', NULL, NULL)`
          )
          const reports = yield* ReportRepo
          const reporting = yield* Effect.forkChild(reports.report(member.id, message.id, undefined))
          const first = yield* Effect.raceFirst(
            Effect.as(untilOneWaits, "it waits"),
            Effect.as(Fiber.join(reporting), "it was reported")
          )
          assert.strictEqual(first, "it waits")
          yield* sending.release
          assert.include(yield* Fiber.join(reporting), { message_id: message.id, reporter_id: member.id })
        })
    )

    it.effect("lets a message that waited for a change go to those who are members then", () =>
      Effect.gen(function* () {
        const [owner, leaves, joins] = yield* three
        const { id } = yield* group(owner, [leaves])
        const leaving = yield* holding(
          `remove_member(${owner.id}, ${id}, ${leaves.id}, '{owner}', '{owner}')`
        )
        const sending = yield* Effect.forkChild(sendAllToGroups([groupDraft(owner, { id }, "later")]))
        yield* untilOneWaits
        yield* leaving.release

        const [sent] = yield* Fiber.join(sending)
        assert.deepEqual(
          sent!.appended.map(({ userId }) => userId),
          [owner.id]
        )
        yield* ConversationRepo.use((repo) => repo.putMember(owner.id, id, joins.id, undefined, MAXIMUM))
        yield* say(owner, { id }, "last")
        assert.deepEqual(contentsOf(yield* readBy(joins, id)), ["later", "last"])
        assert.deepEqual(
          (yield* told(leaves)).map(({ type }) => type),
          ["conversation_added", "conversation_removed"]
        )
      })
    )
  })

describe.runIf(databaseUrl !== undefined)("ConversationRepo on PostgreSQL", locks)
