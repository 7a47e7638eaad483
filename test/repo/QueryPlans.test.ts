import { type PgClient, PgTypes } from "@effect/sql-pg"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Statement } from "effect/sql"
import { Database } from "../../src/database/Database.ts"
import { int4 } from "../../src/database/SqlParameters.ts"
import type { ConversationNotFound, NotMember } from "../../src/domain/ConversationErrors.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { MessageId } from "../../src/domain/Message.ts"
import type { Unavailable } from "../../src/domain/Unavailable.ts"
import { UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { postgresRepos } from "./Repos.ts"

/** The user with half of all messages, all of them older than those of the others, and one of its partners. */
const busy = UserId.make(1)
const partner = UserId.make(2)

/** What the planner knows: all, nothing, or how it was when the busy user had all messages. */
type Statistics = "full" | "none" | "lopsided"

const MESSAGES = { full: 200_000, none: 20_000, lopsided: 20_000 }

/** Messages of one user with fifty others, then as many among a thousand, and their events. */
const seed = Effect.fnUntraced(function* (statistics: Statistics) {
  const { sends: sql } = yield* Database
  yield* Effect.andThen(sql`SET LOCAL statement_timeout = 0`, seedWith(sql, statistics)).pipe(
    sql.withTransaction
  )
})

const seedWith = Effect.fnUntraced(function* (sql: PgClient.PgClient, statistics: Statistics) {
  const half = int4(MESSAGES[statistics] / 2)
  for (const table of ["messages", "inbox_events", "conversations", "members", "inboxes", "users"]) {
    if (statistics !== "full") yield* sql.unsafe(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`)
  }
  // Nothing here searches.
  yield* sql`DROP INDEX messages_search`
  yield* sql`INSERT INTO users (username, display_name) SELECT 'user' || i, 'user' FROM generate_series(1, 1001) i`
  yield* sql`INSERT INTO user_names (user_id, name) SELECT id, username FROM users`
  yield* sql`INSERT INTO inboxes (user_id) SELECT id FROM users`
  yield* sql`INSERT INTO conversations (kind, low, high, created_at)
    SELECT 'direct', low, high, now() FROM (
      SELECT 1 AS low, 2 + i AS high FROM generate_series(0, 49) i
      UNION SELECT least(2 + i % 1000, 2 + (i + 1 + i / 1000) % 1000), greatest(2 + i % 1000, 2 + (i + 1 + i / 1000) % 1000)
      FROM generate_series(1, ${half}) i
    ) pairs ORDER BY low, high`
  if (statistics === "full") yield* sql`ANALYZE conversations`
  yield* sql`INSERT INTO members (conversation_id, user_id, joined_at)
    SELECT DISTINCT id, unnest(ARRAY[low, high]), created_at FROM conversations`
  yield* sql`INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
    SELECT CASE WHEN i % 2 = 0 THEN 1 ELSE other END, CASE WHEN i % 2 = 0 THEN other ELSE 1 END,
      (SELECT id FROM conversations WHERE low = 1 AND high = other), 'hello', now()
    FROM generate_series(1, ${half}) i CROSS JOIN LATERAL (SELECT 2 + i / 2 % 50 AS other) o`
  if (statistics === "lopsided") yield* sql`ANALYZE`
  yield* sql`INSERT INTO messages (sender_id, receiver_id, conversation_id, content, timestamp)
    SELECT p.sender, p.receiver, c.id, 'hello', now()
    FROM (
      SELECT 2 + i % 1000 AS sender, 2 + (i + 1 + i / 1000) % 1000 AS receiver FROM generate_series(1, ${half}) i
    ) p JOIN conversations c ON c.low = least(p.sender, p.receiver) AND c.high = greatest(p.sender, p.receiver)`
  yield* sql`INSERT INTO inbox_events (user_id, seq, type, message_id, created_at)
    SELECT receiver_id, row_number() OVER (PARTITION BY receiver_id ORDER BY id), 'message', id, timestamp
    FROM messages`
  if (statistics === "full") yield* sql`ANALYZE`
})

const seeded = (statistics: Statistics) =>
  Layer.effectDiscard(seed(statistics)).pipe(Layer.provideMerge(postgresRepos))

interface Plan {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Index Name"?: string
  readonly "Parent Relationship"?: string
  readonly Plans?: ReadonlyArray<Plan>
}

const nodes = (plan: Plan): ReadonlyArray<Plan> => [plan, ...(plan.Plans ?? []).flatMap(nodes)]

/** What a page adds to each of its rows: the sender's name, the message that it quotes, the reactions. */
const isOfOneRow = (plan: Plan) => plan["Parent Relationship"] === "SubPlan"

/** The plan of a page, without what it adds to each of its rows. */
const pageNodes = (plan: Plan): ReadonlyArray<Plan> =>
  isOfOneRow(plan) ? [] : [plan, ...(plan.Plans ?? []).flatMap(pageNodes)]

/** The statement that a call runs, as the driver is given it. */
const statementOf = Effect.fnUntraced(function* <A, E, R>(call: Effect.Effect<A, E, R>) {
  const statements: Array<readonly [sql: string, params: ReadonlyArray<unknown>]> = []
  yield* Effect.provideService(call, Statement.CurrentTransformer, (statement) => {
    statements.push(statement.compile())
    return Effect.succeed(statement)
  })
  assert.lengthOf(statements, 1)
  return statements[0]!
})

const typeNames = new Map<number, string>([
  [PgTypes.OID.int4, "int4"],
  [PgTypes.OID.int8, "int8"],
  [PgTypes.OID.textArray, "text[]"]
])

/** A parameter as a literal of SQL. */
const literal = (parameter: PgTypes.Parameter | string) => {
  const value = typeof parameter === "string" ? parameter : parameter.value
  if (Array.isArray(value)) return `'{${value.join()}}'`
  return typeof value === "string" ? `'${value}'` : String(value)
}

/** Prepares the statement of a call as `asked`, for `run`, which is given SQL that runs it. */
const prepared = Effect.fnUntraced(function* <A, E, R, B, E2>(
  mode: "force_custom_plan" | "force_generic_plan" | "auto",
  call: Effect.Effect<A, E, R>,
  run: (sql: PgClient.PgClient, asked: string) => Effect.Effect<B, E2>
) {
  const { sends: sql } = yield* Database
  const [text, params] = yield* statementOf(call)
  const typed = params as ReadonlyArray<PgTypes.Parameter | string>
  const types = typed.map((param) => (typeof param === "string" ? "text" : typeNames.get(param.oid)))
  const values = typed.map(literal)
  const explain = Effect.gen(function* () {
    yield* sql.unsafe(`SET LOCAL plan_cache_mode = ${mode}`)
    yield* sql.unsafe(`PREPARE asked (${types.join()}) AS ${text}`)
    const result = yield* run(sql, `EXECUTE asked (${values.join()})`)
    yield* sql.unsafe("DEALLOCATE asked")
    return result
  })
  return yield* sql.withTransaction(explain)
})

/** The plan that PostgreSQL makes for a prepared statement, knowing its parameters or not. */
const planOf = <A, E, R>(mode: "force_custom_plan" | "force_generic_plan", call: Effect.Effect<A, E, R>) =>
  prepared(mode, call, (sql, asked) =>
    Effect.map(
      sql.unsafe<{ readonly "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }> }>(
        `EXPLAIN (FORMAT JSON) ${asked}`
      ),
      (rows) => rows[0]!["QUERY PLAN"][0]!.Plan
    )
  )

/** How many custom plans PostgreSQL makes of a statement before it compares their cost with that of a kept plan. */
const CUSTOM_PLANS = 5

/** How often a statement is planned that runs ten times. */
const timesPlanned = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  prepared("auto", call, (sql, asked) =>
    Effect.gen(function* () {
      yield* Effect.replicateEffect(sql.unsafe(asked), CUSTOM_PLANS * 2, { discard: true })
      const rows = yield* sql.unsafe<{ readonly planned: number }>(
        "SELECT custom_plans::int AS planned FROM pg_prepared_statements WHERE name = 'asked'"
      )
      return rows[0]!.planned
    })
  )

const history = (query: { chatWith?: UserId; beforeId?: MessageId; skip?: number; limit?: number }) =>
  MessageRepo.use((repo) => repo.history({ userId: busy, skip: 0, limit: 50, ...query }))

const named = (query: { readonly prefix?: string; readonly afterId?: UserId }) =>
  Effect.asVoid(UserRepo.use((repo) => repo.search({ prefix: "user", skip: 0, limit: 50, ...query })))

const page = (after: number, limit: number) =>
  InboxRepo.use((repo) => repo.page(busy, after, limit, ["message", "message_sent"]))

const both = ["messages_received", "messages_sent"]
const between = ["conversations_low_high_key", "messages_of_conversation"]
const events = ["inbox_events_pkey", "messages_pkey"]

interface Case {
  readonly what: string
  readonly call: Effect.Effect<
    unknown,
    Unavailable | ConversationNotFound | NotMember,
    MessageRepo | InboxRepo
  >
  readonly indexes: ReadonlyArray<string>
  /** Whether two ranges are merged, each read only as far as the page goes. */
  readonly isMerged?: boolean
  readonly isLong?: boolean
}

const ofConversation = (ids: { readonly beforeId?: MessageId; readonly afterId?: MessageId }) =>
  MessageRepo.use((repo) =>
    repo.ofConversation({ userId: busy, conversationId: ConversationId.make(1), skip: 0, limit: 50, ...ids })
  )

const cases: ReadonlyArray<Case> = [
  { what: "a history", call: history({}), indexes: both, isMerged: true },
  {
    what: "a long page of a history",
    call: history({ limit: 1000 }),
    indexes: both,
    isMerged: true,
    isLong: true
  },
  {
    what: "a history before an id",
    call: history({ beforeId: MessageId.make(50_000) }),
    indexes: both,
    isMerged: true
  },
  {
    what: "a history deep in its middle",
    call: history({ skip: 10_000 }),
    indexes: ["messages_pkey", ...both],
    isMerged: true,
    isLong: true
  },
  { what: "a history with another user", call: history({ chatWith: partner }), indexes: between },
  {
    what: "a history with another user before an id",
    call: history({ chatWith: partner, beforeId: MessageId.make(50_000) }),
    indexes: between
  },
  { what: "a page of a conversation", call: ofConversation({}), indexes: ["messages_of_conversation"] },
  {
    what: "a page forward of a conversation",
    call: ofConversation({ afterId: MessageId.make(10_000) }),
    indexes: ["messages_of_conversation"]
  },
  {
    what: "the received messages",
    call: MessageRepo.use((repo) => repo.received(busy, 50)),
    indexes: ["messages_received"]
  },
  { what: "a page of an inbox", call: page(0, 64), indexes: events },
  { what: "a page at the end of an inbox", call: page(49_990, 64), indexes: events, isLong: true },
  { what: "a long page of an inbox", call: page(20_000, 1000), indexes: events, isLong: true }
]

/** Indexes of tables of which a statement looks up single rows. */
const OTHERS = ["users_pkey", "inboxes_pkey", "conversations_pkey", "members_pkey", "members_of_user"]

const assertRange = Effect.fnUntraced(function* ({ call, indexes, isMerged }: Case) {
  for (const mode of ["force_custom_plan", "force_generic_plan"] as const) {
    const plan = yield* planOf(mode, call)

    const used = pageNodes(plan)
      .flatMap((node) => node["Index Name"] ?? [])
      .filter((name) => !OTHERS.includes(name))
    assert.deepEqual(used.toSorted(), indexes, mode)
    const kinds = pageNodes(plan).map((node) => node["Node Type"])
    const searched = nodes(plan).filter((node) => node["Node Type"] === "Seq Scan")
    assert.notInclude(
      searched.map((node) => node["Relation Name"]),
      "messages",
      mode
    )
    assert.notInclude(kinds, "Incremental Sort", mode)
    assert.notInclude(kinds, "Sort", mode)
    assert.strictEqual(kinds.includes("Merge Append"), isMerged === true, mode)
    assert.notInclude(kinds, "Bitmap Heap Scan", mode)
    assert.notInclude(kinds, "Seq Scan", mode)
  }
})

for (const statistics of ["none", "lopsided"] as const) {
  describe.runIf(databaseUrl !== undefined)(`QueryPlans with statistics: ${statistics}`, () =>
    layer(seeded(statistics), { excludeTestServices: true, timeout: "3 minutes" })((it) => {
      // A page that may be longer than the range is read as a whole, and sorted.
      for (const one of cases.filter(({ isLong }) => isLong !== true)) {
        it.effect(`${one.what} is the same range of an index`, () => assertRange(one))
      }
    })
  )
}

const queryPlans = () =>
  layer(seeded("full"), { excludeTestServices: true, timeout: "3 minutes" })(
    "among 200,000 messages",
    (it) => {
      for (const one of cases) {
        it.effect(`${one.what} is a range of an index, neither sorted nor searched`, () => assertRange(one))
      }

      for (const { what, call } of cases.filter(({ isLong }) => isLong !== true)) {
        it.effect(`the plan of ${what} is kept`, () =>
          Effect.gen(function* () {
            assert.strictEqual(yield* timesPlanned(call), CUSTOM_PLANS)
          })
        )
      }

      for (const [what, name, call] of [
        // Its queries run in the context that the layer is built in.
        [
          "an inbox",
          "inbox",
          Effect.asVoid(InboxRepo.use((repo) => repo.find(busy))).pipe(
            Effect.provide(Layer.fresh(InboxRepo.layer))
          )
        ],
        ["the heads of inboxes", "heads", Effect.asVoid(InboxRepo.use((repo) => repo.heads([busy, partner])))]
      ] as const) {
        it.effect(`${what} is looked up by index with a plan that is made once`, () =>
          Effect.gen(function* () {
            const { sends: sql } = yield* Database
            const [text] = yield* statementOf<void, unknown, Database | InboxRepo>(call)
            const execute = `EXECUTE ${name} (ARRAY[1])`
            const { counts, plan } = yield* sql.withTransaction(
              Effect.gen(function* () {
                yield* sql.unsafe(`PREPARE ${name} (int4[]) AS ${text}`)
                // PostgreSQL makes five custom plans before it compares the generic one with them.
                yield* Effect.repeat(sql.unsafe(execute), { times: 9 })
                const counts = yield* sql.unsafe(
                  `SELECT generic_plans::int, custom_plans::int FROM pg_prepared_statements WHERE name = '${name}'`
                )
                const rows = yield* sql.unsafe<{
                  readonly "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }>
                }>(`EXPLAIN (FORMAT JSON) ${execute}`)
                yield* sql.unsafe(`DEALLOCATE ${name}`)
                return { counts, plan: nodes(rows[0]!["QUERY PLAN"][0]!.Plan) }
              })
            )

            assert.deepEqual(counts, [{ generic_plans: 5, custom_plans: 5 }])
            assert.notInclude(
              plan.map((node) => node["Node Type"]),
              "Seq Scan"
            )
            assert.include(
              plan.map((node) => node["Index Name"]),
              "inboxes_pkey"
            )
          })
        )
      }

      for (const [what, index, call] of [
        [
          "an exact name",
          "users_normal_username",
          Effect.asVoid(UserRepo.use((repo) => repo.named("user700")))
        ],
        ["the beginning of a name", "user_names_name", named({})],
        ["the beginning of a name, after a user", "user_names_name", named({ afterId: UserId.make(701) })],
        ["the beginning of a name of few", "user_names_name", named({ prefix: "user100" })]
      ] as const) {
        it.effect(`${what} is looked up by index`, () =>
          Effect.gen(function* () {
            for (const mode of ["force_custom_plan", "force_generic_plan"] as const) {
              const plan = nodes(yield* planOf(mode, call))
              assert.include(
                plan.map((node) => node["Index Name"]),
                index,
                mode
              )
              assert.notInclude(
                plan.map((node) => node["Node Type"]),
                "Seq Scan",
                mode
              )
            }
          })
        )
      }

      it.effect(
        "of conversations that a page of a list does not show, only entries of two indexes are read",
        () =>
          Effect.gen(function* () {
            // As it is soon after each row was written.
            yield* Database.use(({ sends: sql }) => sql`VACUUM members, messages`)
            const list = ConversationRepo.use((repo) => repo.list(busy, 10, undefined))
            for (const mode of ["force_custom_plan", "force_generic_plan"] as const) {
              const plan = nodes(yield* planOf(mode, list))
              const page = plan.find((node) => node["Node Type"] === "Limit")!
              const read = nodes(page).filter((node) => "Relation Name" in node)
              assert.deepEqual(
                read.map((node) => [node["Node Type"], node["Index Name"]]),
                [
                  ["Index Only Scan", "members_of_user"],
                  ["Index Only Scan", "messages_of_conversation"]
                ],
                mode
              )
            }
          })
      )

      it.effect("a history is answered from where it lies, newest first", () =>
        Effect.gen(function* () {
          const ids = (yield* history({ skip: 10, limit: 3 })).messages.map(({ id }) => id as number)

          assert.deepEqual(ids, [99_990, 99_989, 99_988])
        })
      )
    }
  )

describe.runIf(databaseUrl !== undefined)("QueryPlans", queryPlans)
