import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { applyFunctions } from "../../src/database/SqlFunctions.ts"
import { int4Array } from "../../src/database/SqlParameters.ts"
import { VERSION } from "../../src/domain/Version.ts"
import { embeddedRepos, newUsers } from "../repo/Repos.ts"

const services = embeddedRepos.pipe(Layer.provideMerge(NodeServices.layer))

const apply = Effect.flatMap(Database, ({ sends }) => applyFunctions(sends))

/** Replaces a function by one that answers -1, as another release would. */
const replaceBy = (release: string, checksum: string) =>
  Effect.flatMap(Database, ({ sends: sql }) =>
    Effect.andThen(
      sql.unsafe(`CREATE OR REPLACE FUNCTION prune_inbox_events(older_than timestamptz, batch int) RETURNS int
        LANGUAGE sql AS 'SELECT -1'`),
      sql`UPDATE sql_functions SET release = ${release}, checksum = ${checksum} WHERE name = 'prune_inbox_events'`
    )
  )

const pruned = Effect.flatMap(Database, ({ sends: sql }) =>
  Effect.map(
    sql<{ readonly pruned: number }>`SELECT prune_inbox_events('epoch', 1) AS pruned`,
    (rows) => rows[0]!.pruned
  )
)

layer(services, { excludeTestServices: true })("SQL functions", (it) => {
  it.effect("each that stands in a file is in force, under this release", () =>
    Effect.gen(function* () {
      const { sends: sql } = yield* Database
      const rows = yield* sql<{ readonly name: string; readonly release: string }>`
        SELECT name, release FROM sql_functions ORDER BY name`

      assert.deepEqual(
        rows.map(({ name }) => name),
        [
          "add_webhook_events",
          "append_events",
          "append_to_all",
          "change_block",
          "change_reaction",
          "change_suspension",
          "claim_erasure",
          "conversation_for_first_message",
          "conversation_json",
          "create_direct",
          "create_group",
          "create_named_user",
          "create_user",
          "current_epoch",
          "delete_message",
          "direct_conversation",
          "edit_message",
          "erase_blocks",
          "erase_direct_memberships",
          "erase_group_membership",
          "erase_group_texts",
          "erase_inbox_events",
          "erase_messages",
          "erase_names",
          "erase_reactions",
          "erase_step",
          "fellows_of",
          "is_suspended",
          "json_time",
          "lock_class",
          "lock_conversation",
          "lock_readers",
          "mark_read",
          "may_read",
          "member_json",
          "move_erasure",
          "order_erasure",
          "peer_json",
          "prune_inbox_events",
          "prune_webhooks",
          "put_member",
          "readers_of",
          "remove_member",
          "report_message",
          "retry_webhooks",
          "save_user_names",
          "search_messages",
          "search_newest",
          "search_part",
          "send_direct_messages",
          "send_group_messages",
          "send_messages",
          "served_webhook_endpoints",
          "step_webhooks",
          "update_conversation",
          "update_user",
          "user_json",
          "webhook_of_conversation",
          "webhook_of_member",
          "webhook_of_message",
          "webhook_of_new_messages",
          "webhook_of_report",
          "webhook_of_user"
        ]
      )
      for (const { release } of rows) assert.strictEqual(release, VERSION)
    })
  )

  it.effect("one whose text changed is replaced, by that of this release or an older one", () =>
    Effect.gen(function* () {
      for (const release of [VERSION, "1.0.9", "0.9.0"]) {
        yield* replaceBy(release, "another text")
        assert.strictEqual(yield* pruned, -1)
        yield* apply
        assert.strictEqual(yield* pruned, 0)
      }
    })
  )

  it.effect("one that was replaced is noted with the text and the release that are in force", () =>
    Effect.gen(function* () {
      const { sends: sql } = yield* Database
      const text = readFileSync("migrations/functions/prune_inbox_events.sql")
      yield* replaceBy("0.9.0", "another text")
      yield* apply
      assert.deepEqual(
        yield* sql`SELECT checksum, release FROM sql_functions WHERE name = 'prune_inbox_events'`,
        [{ checksum: createHash("sha256").update(text).digest("hex"), release: VERSION }]
      )
    })
  )

  it.effect("one that a newer release applied is left alone", () =>
    Effect.gen(function* () {
      for (const release of ["1.10.0", "2.0.0", "10.0.0"]) {
        yield* replaceBy(release, "another text")
        yield* apply
        assert.strictEqual(yield* pruned, -1)
      }
      yield* replaceBy(VERSION, "another text")
      yield* apply
    })
  )

  const append = Effect.fnUntraced(function* (userIds: ReadonlyArray<number>, payload = "{}") {
    const { sends: sql } = yield* Database
    const [row] = yield* sql<{ readonly seqs: ReadonlyArray<number | null> }>`SELECT append_events(
      ${int4Array(userIds)}, array_fill('note'::text, ARRAY[${userIds.length}::int]),
      array_fill(NULL::bigint, ARRAY[${userIds.length}::int]),
      array_fill(${payload}::jsonb, ARRAY[${userIds.length}::int]),
      array_fill(now(), ARRAY[${userIds.length}::int])
    ) AS seqs`
    return row!.seqs
  })

  for (const copies of [1, 3]) {
    it.effect(`${2 * copies} events are appended each at the next number of its inbox, in their places`, () =>
      Effect.gen(function* () {
        const [a, b] = (yield* newUsers(2)).map(({ id }) => id as number)
        const order = Array.from({ length: copies }, () => [b!, a!]).flat()

        const first = yield* append(order)
        const second = yield* append(order)

        assert.deepEqual(
          first,
          order.map((_, i) => 1 + Math.floor(i / 2))
        )
        assert.deepEqual(
          second,
          order.map((_, i) => copies + 1 + Math.floor(i / 2))
        )
      })
    )
  }

  for (const copies of [1, 3]) {
    it.effect(`a user that does not exist gets none of ${2 * copies}, and the others get theirs`, () =>
      Effect.gen(function* () {
        const [a] = (yield* newUsers(1)).map(({ id }) => id as number)
        const order = Array.from({ length: copies }, () => [2_000_000_000, a!]).flat()

        assert.deepEqual(
          yield* append(order),
          order.map((id, i) => (id === a ? 1 + Math.floor(i / 2) : null))
        )
      })
    )
  }

  it.effect("one event is appended to each of many inboxes, in their places", () =>
    Effect.gen(function* () {
      const { sends: sql } = yield* Database
      const [a, b, c] = (yield* newUsers(3)).map(({ id }) => id as number)
      yield* append([b!])

      const [row] = yield* sql<{ readonly seqs: ReadonlyArray<number | null> }>`SELECT append_to_all(
        ${int4Array([c!, 2_000_000_000, b!, a!])}, 'note', 7, '{"n": 1}', now()
      ) AS seqs`

      assert.deepEqual(row!.seqs, [1, null, 2, 1])
      assert.deepEqual(
        yield* sql`SELECT user_id, seq, type, message_id, payload FROM inbox_events
          WHERE user_id = ANY (${int4Array([a!, b!, c!])}) AND message_id = 7 ORDER BY user_id`,
        [
          { user_id: a, seq: 1, type: "note", message_id: 7, payload: { n: 1 } },
          { user_id: b, seq: 2, type: "note", message_id: 7, payload: { n: 1 } },
          { user_id: c, seq: 1, type: "note", message_id: 7, payload: { n: 1 } }
        ]
      )
      const [none] = yield* sql`SELECT append_to_all('{}', 'note', NULL, NULL, now()) AS seqs`
      assert.deepEqual(none, { seqs: [] })
    })
  )

  it.effect("no event is appended to no inbox", () =>
    Effect.gen(function* () {
      assert.deepEqual((yield* append([])) ?? [], [])
    })
  )

  it.effect("each advisory lock is of a class of its own, which stands with the others in one place", () =>
    Effect.gen(function* () {
      const { sends: sql } = yield* Database
      const rows = yield* sql<{
        readonly lock: string
        readonly purpose: string | null
        readonly class: number | null
      }>`
        SELECT DISTINCT l.found[1] AS lock, l.found[3] AS purpose, lock_class(l.found[3]) AS class
        FROM sql_functions f JOIN pg_proc p ON p.proname = f.name AND p.pronamespace = 'public'::regnamespace
        CROSS JOIN LATERAL regexp_matches(p.prosrc, '(pg_\\w*advisory\\w*)\\((lock_class\\(''([^'']+)''\\))?', 'g') AS l (found)`

      assert.isAtLeast(rows.length, 3)
      for (const row of rows) assert.isNumber(row.class, JSON.stringify(row))
      assert.strictEqual(
        new Set(rows.map((row) => row.class)).size,
        new Set(rows.map((row) => row.purpose)).size
      )
    })
  )

  it.effect("a thousand inboxes get one event in one call, and the head of each moves by one", () =>
    Effect.gen(function* () {
      const { sends: sql } = yield* Database
      yield* sql`SELECT count(create_user('many' || i, 'many')) FROM generate_series(1, 1000) i`
      const rows = yield* sql<{ readonly id: number }>`SELECT id FROM users WHERE username LIKE 'many%'`

      const seqs = yield* append(rows.map(({ id }) => id))

      assert.deepEqual([...new Set(seqs)], [1])
      const [heads] = yield* sql<{ readonly n: number }>`
        SELECT count(*)::int AS n FROM inboxes JOIN users ON id = user_id
        WHERE username LIKE 'many%' AND last_seq = 1`
      assert.strictEqual(heads!.n, 1000)
    })
  )
})
