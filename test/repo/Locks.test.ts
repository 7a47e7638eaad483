import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Statement } from "effect/sql"
import { Database } from "../../src/database/Database.ts"
import { int4Array } from "../../src/database/SqlParameters.ts"
import type { User } from "../../src/domain/User.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { group, groupDraft, sendAllToGroups } from "./Conversations.ts"
import { draft, newUsers, postgresRepos, sendAll, sendOne, verdicts } from "./Repos.ts"

/** Locks a user's row of a table in a transaction of its own; answers how to let go of it. */
const lockRow = Effect.fnUntraced(function* (
  table: "inboxes" | "users",
  key: "user_id" | "id",
  user: Pick<User, "id">
) {
  const { pipeline: sql } = yield* Database
  const locked = yield* Deferred.make<void>()
  const release = yield* Deferred.make<void>()
  const holder = yield* sql`SELECT FROM ${sql(table)} WHERE ${sql(key)} = ${user.id} FOR UPDATE`.pipe(
    Effect.andThen(Deferred.succeed(locked, undefined)),
    Effect.andThen(Deferred.await(release)),
    sql.withTransaction,
    Effect.forkScoped
  )
  yield* Deferred.await(locked)
  return { release: Effect.orDie(Effect.andThen(Deferred.succeed(release, undefined), Fiber.join(holder))) }
})

/** Locks the head of a user's inbox. */
const lockInbox = (user: Pick<User, "id">) => lockRow("inboxes", "user_id", user)

const locks = () =>
  layer(postgresRepos, { excludeTestServices: true })("an inbox that somebody has locked", (it) => {
    it.effect("refuses the sends to and from its user, and none that were batched with them", () =>
      Effect.gen(function* () {
        const [locked, a, b, c] = (yield* newUsers(4)) as [User, User, User, User]
        const { release } = yield* lockInbox(locked)
        const drafts = [
          draft(a, b, "first"),
          ...Array.from({ length: 20 }, () => draft(a, locked)),
          draft(locked, c),
          draft(a, b, "last"),
          draft(b, c),
          draft(b, { id: (locked.id + 1000) as User["id"] })
        ]

        const outcomes = yield* (yield* MessageRepo).send(drafts)

        assert.deepEqual(verdicts(outcomes), [
          "sent",
          ...Array.from({ length: 21 }, () => "Unavailable"),
          "sent",
          "sent",
          "ReceiverNotFound"
        ])
        yield* release
        const { seqs } = yield* sendOne(draft(a, locked))
        assert.deepEqual(seqs, { sender: 3, receiver: 1 })
      })
    )

    it.effect(
      "refuses the sends to the groups of its user, each group's by one try, and to no other group",
      () =>
        Effect.gen(function* () {
          const [locked, a, b, c] = (yield* newUsers(4)) as [User, User, User, User]
          const [held, free] = [yield* group(a, [locked]), yield* group(a, [b, c])]
          const { release } = yield* lockInbox(locked)
          let statements = 0

          const outcomes = yield* MessageRepo.use((repo) =>
            repo.sendToGroups([
              groupDraft(a, held),
              groupDraft(a, free),
              groupDraft(a, held),
              groupDraft(b, free),
              groupDraft(a, held)
            ])
          ).pipe(
            Effect.provideService(Statement.CurrentTransformer, (statement) => {
              if (statement.compile()[0].includes("send_group_messages")) statements++
              return Effect.succeed(statement)
            })
          )

          assert.deepEqual(verdicts(outcomes), ["Unavailable", "sent", "Unavailable", "sent", "Unavailable"])
          assert.strictEqual(statements, 3)
          yield* release
        })
    )

    it.effect("holds up a message to a group before its higher members, wherever their rows lie", () =>
      Effect.gen(function* () {
        const { pipeline: sql } = yield* Database
        const users = (yield* newUsers(40)) as [User, ...Array<User>]
        const ids = users.map(({ id }) => id).toSorted((one, other) => one - other)
        const all = yield* group(users[0], users.slice(1))
        // The row of each is written anew, the last one first: the order of the table is not that of the users.
        for (const id of ids.toReversed())
          yield* sql`UPDATE inboxes SET last_seq = last_seq WHERE user_id = ${id}`
        const [below, middle, above] = [ids.slice(0, 20), ids[20]!, ids.slice(21)]
        const { release } = yield* lockInbox({ id: middle })
        const free = (some: ReadonlyArray<number>) =>
          sql`SELECT FROM inboxes WHERE user_id = ANY (${int4Array(some)}) FOR UPDATE SKIP LOCKED`.pipe(
            Effect.map((rows) => rows.length)
          )

        const sending = yield* Effect.forkChild(sendAllToGroups([groupDraft(users[0], all)]))
        yield* Effect.repeat(free(below), { until: (count) => count === 0 })

        assert.strictEqual(yield* free(above), above.length)
        yield* release
        const [sent] = yield* Fiber.join(sending)
        assert.lengthOf(sent!.appended, 40)
      })
    )

    it.effect("is tried again while it holds up a batch, in case it is locked for a moment only", () =>
      Effect.gen(function* () {
        const [locked, brieflyLocked, a] = (yield* newUsers(3)) as [User, User, User]
        const { release } = yield* lockInbox(locked)
        const brief = yield* lockInbox(brieflyLocked)
        let tries = 0

        const outcomes = yield* MessageRepo.use((repo) =>
          repo.send([draft(a, locked), draft(a, brieflyLocked)])
        ).pipe(
          Effect.provideService(Statement.CurrentTransformer, (statement) => {
            const isTry = statement.compile()[0].includes("SKIP LOCKED")
            return Effect.as(isTry && ++tries === 2 ? brief.release : Effect.void, statement)
          })
        )

        assert.deepEqual(verdicts(outcomes), ["Unavailable", "sent"])
        yield* release
      })
    )

    it.effect("is waited for when it is let go of in time", () =>
      Effect.gen(function* () {
        const { pipeline: sql } = yield* Database
        const [locked, a, b] = (yield* newUsers(3)) as [User, User, User]
        const { release } = yield* lockInbox(locked)

        const sending = yield* Effect.forkChild(sendAll([draft(a, locked), draft(a, b)]))
        yield* sql<{ readonly waiting: number }>`SELECT count(*)::int AS waiting FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`.pipe(
          Effect.repeat({ until: ([row]) => row!.waiting > 0 })
        )
        yield* release

        const sent = yield* Fiber.join(sending)
        assert.deepEqual(
          sent.map(({ seqs }) => seqs?.sender),
          [1, 2]
        )
      })
    )

    it.effect(
      "is all of a user that a send in a conversation waits for: the user's own row may be locked",
      () =>
        Effect.gen(function* () {
          const [locked, a, b] = (yield* newUsers(3)) as [User, User, User]
          const members = yield* group(a, [locked, b])
          // A first message also makes a conversation, which references its users.
          yield* sendAll([draft(a, locked), draft(locked, b)])
          const { release } = yield* lockRow("users", "id", locked)
          const repo = yield* MessageRepo

          const received = yield* repo.send([draft(a, locked)])
          const sent = yield* repo.send([draft(locked, b)])
          const toGroup = yield* repo.sendToGroups([groupDraft(locked, members)])

          assert.deepEqual(verdicts([...received, ...sent, ...toGroup]), ["sent", "sent", "sent"])
          yield* release
        })
    )
  })

describe.runIf(databaseUrl !== undefined)("MessageRepo on PostgreSQL", locks)
