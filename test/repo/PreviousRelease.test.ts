import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { int4, int4Array, int8, textArray } from "../../src/database/SqlParameters.ts"
import { BlockRepo } from "../../src/repo/BlockRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import type { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { draft, embeddedRepos, newPair, newUsername, postgresRepos, sendOne } from "./Repos.ts"

/**
 * The statements of release 1.0 as its nodes send them: during an upgrade they run beside nodes of this release, on a database
 * that this release migrated.
 */
const release10 = Effect.map(Database, ({ sends: sql }) => ({
  send: (
    senders: ReadonlyArray<number>,
    receivers: ReadonlyArray<number>,
    clientIds: ReadonlyArray<string | null>
  ) =>
    sql<Record<string, unknown>>`SELECT * FROM send_messages(
      ${int4Array(senders)}, ${int4Array(receivers)}, ${textArray(senders.map(() => "from 1.0"))},
      ${textArray(clientIds)}
    )`,
  createUser: (name: string) => sql<Record<string, unknown>>`SELECT * FROM create_user(${name}, ${name})`,
  page: (userId: number, after: number, limit: number) =>
    sql<Record<string, unknown>>`SELECT e.seq, e.type, m.*
      FROM (
        SELECT * FROM inbox_events WHERE user_id = ${int4(userId)} AND seq > ${int8(after)}
        ORDER BY seq LIMIT ${int4(limit)}
      ) e CROSS JOIN LATERAL (
        SELECT m.client_id, m.id, m.sender_id, u.username AS sender_username, m.receiver_id, m.content, m.timestamp
        FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.id = e.message_id OFFSET 0
      ) m ORDER BY e.seq`,
  prune: sql<Record<string, unknown>>`SELECT prune_inbox_events('epoch', 10) AS deleted`
}))

const contract = <E>(
  name: string,
  repos: Layer.Layer<Database | UserRepo | MessageRepo | InboxRepo | BlockRepo | SuspensionRepo, E>
) =>
  layer(repos, { excludeTestServices: true })(`A node of release 1.0 on ${name}`, (it) => {
    it.effect("sends, and is answered in the columns that it reads", () =>
      Effect.gen(function* () {
        const { send } = yield* release10
        const { alice, bob } = yield* newPair

        const [sent, repeat, missing] = yield* send(
          [alice.id, alice.id, alice.id],
          [bob.id, bob.id, 0],
          ["c1", "c1", null]
        )

        assert.deepEqual(Object.keys(sent!), [
          "status",
          "id",
          "sender_username",
          "timestamp",
          "sender_seq",
          "receiver_seq"
        ])
        assert.include(sent, {
          status: "sent",
          sender_username: alice.username,
          sender_seq: 1,
          receiver_seq: 1
        })
        assert.instanceOf(sent!.timestamp, Date)
        assert.deepInclude(repeat, { ...sent, status: "repeat" })
        assert.include(missing, { status: "receiver_not_found" })
      })
    )

    it.effect("gets refusals that it does not know under the names of those that it knows", () =>
      Effect.gen(function* () {
        const { send } = yield* release10
        const { alice, bob } = yield* newPair
        yield* BlockRepo.use((repo) => repo.block(bob.id, alice.id))
        const [blocked] = yield* send([alice.id], [bob.id], [null])
        assert.include(blocked, { status: "receiver_not_found", id: null })
        yield* SuspensionRepo.use((repo) => repo.suspend(bob.id))
        const [suspended] = yield* send([bob.id], [alice.id], [null])
        assert.include(suspended, { status: "sender_not_found", id: null })
      })
    )

    it.effect("shares inboxes with a node of this release: one sequence, one order", () =>
      Effect.gen(function* () {
        const { send, page } = yield* release10
        const { alice, bob } = yield* newPair
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i): Effect.Effect<unknown, unknown, MessageRepo> =>
            i % 2 === 0
              ? send([alice.id], [bob.id], [null])
              : sendOne(draft(alice, bob, "from this release")),
          { concurrency: 4 }
        )

        const own = (yield* (yield* InboxRepo).page(bob.id, 0, 100, [])).map(({ seq, message }) => [
          seq,
          message?.id
        ])
        const theirs = (yield* page(bob.id, 0, 100)).map(({ seq, id }) => [seq, id])
        assert.lengthOf(own, 20)
        assert.deepEqual(theirs, own)
        assert.deepEqual(
          own.map(([seq]) => seq),
          own.map((_, i) => i + 1)
        )
      })
    )

    it.effect("makes users and prunes", () =>
      Effect.gen(function* () {
        const { createUser, prune } = yield* release10
        const username = newUsername()

        const [user] = yield* createUser(username)

        assert.include(user, { username, display_name: username })
        assert.deepEqual(
          [...(yield* prune)].map((row) => ({ ...row })),
          [{ deleted: 0 }]
        )
      })
    )
  })

contract("the embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  contract("PostgreSQL", postgresRepos)
)
