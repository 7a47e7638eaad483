import * as NodeServices from "@effect/platform-node/NodeServices"
import { PgClient, PgMigrator } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import { loader } from "../../src/database/Migrations.ts"
import { int4Array, textArray } from "../../src/database/SqlParameters.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import type { MessageId } from "../../src/domain/Message.ts"
import type { UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { reposOn } from "../repo/Repos.ts"
import { databaseUrl, emptyDatabase } from "../support/Services.ts"

/** The last migration of release 1.0. */
const LAST_OF_1_0 = 3

const NEW_MESSAGE_TYPES = ["message", "message_sent"]

/** A database as release 1.0 made it, and a connection of one of its nodes. */
const firstRelease = Effect.gen(function* () {
  const settings = yield* emptyDatabase
  const sql = yield* PgClient.make({
    url: Redacted.make(Option.getOrThrow(Option.map(settings.databaseUrl, Redacted.value))),
    maxConnections: 2
  })
  yield* PgMigrator.run({
    loader: Effect.map(loader, (all) => all.filter(([id]) => id <= LAST_OF_1_0))
  }).pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.provideService(PgClient.PgClient, sql))
  const createUser = (name: string) =>
    Effect.map(
      sql<{ readonly id: UserId }>`SELECT id FROM create_user(${name}, ${name})`,
      (rows) => rows[0]!.id
    )
  const send = (
    drafts: ReadonlyArray<readonly [from: number, to: number, content: string, clientId: string | null]>
  ) =>
    sql<{
      readonly status: string
      readonly id: string
      readonly timestamp: Date
      readonly sender_seq: string
      readonly receiver_seq: string
    }>`SELECT * FROM send_messages(
      ${int4Array(drafts.map(([from]) => from))}, ${int4Array(drafts.map(([, to]) => to))},
      ${textArray(drafts.map(([, , content]) => content))}, ${textArray(drafts.map(([, , , clientId]) => clientId))}
    )`
  return { settings, sql, createUser, send }
}).pipe(Effect.provide([NodeServices.layer, Reactivity.layer]))

/** Waits until a statement of the migrations waits for the lock of a table. */
const migrationWaits = (sql: PgClient.PgClient) =>
  sql<{ readonly waits: boolean }>`SELECT EXISTS (
    SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation IS NOT NULL
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  ) AS waits`.pipe(Effect.repeat({ until: (rows) => rows[0]!.waits, schedule: Schedule.spaced("20 millis") }))

const lastMigrationOf = (sql: PgClient.PgClient) =>
  sql<{ readonly last: number }>`SELECT max(migration_id) AS last FROM effect_sql_migrations`.pipe(
    Effect.map((rows) => rows[0]!.last)
  )

const onPostgres = () => {
  it.live("keeps messages, histories, inboxes and their numbers when it is migrated", () =>
    Effect.gen(function* () {
      const { settings, createUser, send } = yield* firstRelease
      const [alice, bob, carol, dave] = [
        yield* createUser("alice"),
        yield* createUser("bob"),
        yield* createUser("carol"),
        yield* createUser("dave")
      ]
      const drafts = [
        [alice, bob, "one", "c1"],
        [bob, alice, "two", "c1"],
        [carol, alice, "three", null],
        [alice, alice, "to myself", null],
        [alice, bob, "four", "c2"]
      ] as const
      const sent = (yield* send(drafts)).map((row) => ({
        ...row,
        id: Number(row.id) as MessageId,
        sender_seq: Number(row.sender_seq),
        receiver_seq: Number(row.receiver_seq)
      }))
      assert.deepEqual(
        sent.map(({ status }) => status),
        drafts.map(() => "sent")
      )
      const [one, two, three, own, four] = sent

      yield* Effect.gen(function* () {
        const messages = yield* MessageRepo
        const inboxes = yield* InboxRepo
        const conversations = yield* ConversationRepo
        assert.strictEqual((yield* UserRepo.use((users) => users.find(alice))).username, "alice")

        // The list: the newest conversation first, and all that was sent before counts as read.
        const list = (userId: UserId) =>
          Effect.map(conversations.list(userId, 50, undefined), ({ conversations }) =>
            conversations.map(({ with: peer, last_message, unread, last_read_id }) => [
              peer?.user_id,
              last_message?.content,
              unread,
              last_read_id
            ])
          )
        assert.deepEqual(yield* list(alice), [
          [bob, "four", 0, four!.id],
          [alice, "to myself", 0, own!.id],
          [carol, "three", 0, three!.id]
        ])
        assert.deepEqual(yield* list(bob), [[alice, "four", 0, four!.id]])
        assert.deepEqual(yield* list(dave), [])

        const { messages: history } = yield* messages.history({
          userId: bob,
          chatWith: alice,
          skip: 0,
          limit: 50
        })
        assert.deepEqual(
          history.map(({ id, sender_id, sender_username, receiver_id, content, timestamp }) => [
            id,
            sender_id,
            sender_username,
            receiver_id,
            content,
            timestamp
          ]),
          [
            [four!.id, alice, "alice", bob, "four", four!.timestamp.toISOString()],
            [two!.id, bob, "bob", alice, "two", two!.timestamp.toISOString()],
            [one!.id, alice, "alice", bob, "one", one!.timestamp.toISOString()]
          ]
        )

        // The inbox: the same numbers, of the same events.
        const replayed = (userId: UserId) =>
          Effect.map(inboxes.page(userId, 0, 100, NEW_MESSAGE_TYPES), (events) =>
            events.map(({ seq, type, message, clientId }) => [seq, type, message?.id, clientId])
          )
        assert.deepEqual(yield* replayed(bob), [
          [one!.receiver_seq, "message", one!.id, "c1"],
          [two!.sender_seq, "message_sent", two!.id, "c1"],
          [four!.receiver_seq, "message", four!.id, "c2"]
        ])
        assert.lengthOf(yield* replayed(alice), 6)
        const bounds = yield* inboxes.heads([alice, bob, carol, dave])
        assert.deepEqual(
          bounds.map(({ userId, head, pruned }) => [userId, head, pruned]).sort(([a], [b]) => a! - b!),
          [
            [alice, 6, 0],
            [bob, 3, 0],
            [carol, 1, 0],
            [dave, 0, 0]
          ]
        )

        // What comes next goes on where the former release ended: a repeat is one, a send takes the next number and is unread.
        const [repeat, next] = yield* messages.send([
          { sender_id: alice, receiver_id: bob, content: "four", client_id: "c2" },
          { sender_id: alice, receiver_id: bob, content: "five" }
        ])
        const [repeated, five] = [yield* Effect.fromResult(repeat!), yield* Effect.fromResult(next!)]
        assert.isTrue(repeated.isRepeat)
        assert.strictEqual(repeated.message.id, four!.id)
        assert.isAbove(five.message.id, four!.id)
        assert.deepEqual(
          five.appended.map(({ userId, seq }) => [userId, seq]).sort(([a], [b]) => a! - b!),
          [
            [alice, 7],
            [bob, 4]
          ]
        )
        assert.deepEqual((yield* list(bob))[0], [alice, "five", 1, four!.id])
        const ofConversation = yield* messages.ofConversation({
          userId: bob,
          conversationId: five.message.conversation_id as ConversationId,
          skip: 0,
          limit: 50
        })
        assert.deepEqual(
          ofConversation.messages.map(({ content }) => content),
          ["five", "four", "two", "one"]
        )
      }).pipe(Effect.provide(reposOn(settings)))
    })
  )

  /** A transaction of a node of release 1.0 that locks tables before and after the migrations begin to wait for it. */
  const migratedBeside = (
    first: (sql: PgClient.PgClient) => Effect.Effect<unknown, SqlError.SqlError>,
    then: (sql: PgClient.PgClient) => Effect.Effect<unknown, SqlError.SqlError>
  ) =>
    Effect.gen(function* () {
      const { settings, sql } = yield* firstRelease
      const node = yield* PgClient.make({ url: Option.getOrThrow(settings.databaseUrl), maxConnections: 1 })
      const migrating = yield* node.withTransaction(
        Effect.gen(function* () {
          yield* first(node)
          const migrating = yield* Effect.forkScoped(Layer.build(reposOn(settings)), {
            startImmediately: true
          })
          yield* migrationWaits(sql)
          yield* then(node)
          return migrating
        })
      )
      yield* Fiber.join(migrating)
      assert.isAbove(yield* lastMigrationOf(sql), LAST_OF_1_0)
    }).pipe(Effect.provide(Reactivity.layer))

  it.live("is migrated while a node of release 1.0 reads a page of events, which waits for no lock", () =>
    migratedBeside(
      (sql) => sql`SELECT FROM inbox_events WHERE user_id = 1 AND seq > 0`,
      (sql) =>
        Effect.andThen(
          sql`SET LOCAL lock_timeout = '100ms'`,
          sql`SELECT m.content FROM messages m JOIN users u ON u.id = m.sender_id`
        )
    )
  )

  it.live(
    "is migrated at another try when the migrations and a node of release 1.0 wait for each other",
    () =>
      migratedBeside(
        (sql) => sql`INSERT INTO users (username, display_name) VALUES ('erin', 'Erin')`,
        (sql) =>
          Effect.andThen(
            // Otherwise the node could be the one that the deadlock ends.
            sql`SET LOCAL deadlock_timeout = '1min'`,
            sql`INSERT INTO inboxes (user_id) SELECT id FROM users`
          )
      )
  )
}

describe.runIf(databaseUrl !== undefined)("A database of release 1.0", onPostgres)
