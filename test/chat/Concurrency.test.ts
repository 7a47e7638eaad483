import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Result, Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { Sends } from "../../src/chat/Sends.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { draft, newUsers } from "../repo/Repos.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { chatOn } from "./Servers.ts"

const SENDERS = 50
const SENDS_EACH = 200

const nobody = { id: UserId.make(MAX_USER_ID) }

/** What one of many senders sends as its `i`th message: a tenth is refused, or repeated on the other server. */
const planOf = (users: ReadonlyArray<User>, sender: number, i: number) => {
  const from = (sender * 7 + i) % users.length
  const to = (from + 1 + ((sender * 31 + i * 17) % (users.length - 1))) % users.length
  const kind = (sender + i) % 20
  const isRefused = kind === 0
  return {
    draft: draft(
      users[from]!,
      isRefused ? nobody : users[to]!,
      `message ${i} of ${sender}`,
      `${sender}-${i}`
    ),
    isRefused,
    isRepeated: kind === 1
  }
}

const sendsToOneDatabase = Effect.gen(function* () {
  const settings = yield* freshDatabase
  const servers = yield* Scope.make()
  const [one, other] = yield* Effect.replicateEffect(Layer.build(chatOn(settings)), 2).pipe(
    Scope.provide(servers)
  )
  const chats = [Context.get(one!, Sends), Context.get(other!, Sends)] as const
  const users = yield* Effect.provideContext(newUsers(20), one!)

  const sendAs = Effect.fnUntraced(function* (sender: number) {
    for (let i = 0; i < SENDS_EACH; i++) {
      const { draft, isRefused, isRepeated } = planOf(users, sender, i)
      const [chat, otherChat] = i % 2 === 0 ? chats : [chats[1], chats[0]]
      const outcomes = yield* Effect.forEach(
        isRepeated ? [chat, otherChat, chat] : [chat],
        (chat) => Effect.result(chat.send(draft)),
        { concurrency: "unbounded" }
      )
      if (isRefused) {
        assert.deepEqual(
          outcomes.map((outcome) => Result.isFailure(outcome) && outcome.failure._tag),
          ["ReceiverNotFound"]
        )
      } else {
        const ids = outcomes.map((outcome) => Result.getOrThrow(outcome).message.id)
        assert.strictEqual(new Set(ids).size, 1)
      }
    }
  })
  yield* Effect.forEach(
    Array.from({ length: SENDERS }, (_, i) => i),
    sendAs,
    {
      concurrency: "unbounded",
      discard: true
    }
  )
  yield* Scope.close(servers, Exit.void)

  const sql = yield* PgClient.make({ url: Option.getOrThrow(settings.databaseUrl), maxConnections: 1 })
  return { users, sql }
}).pipe(Effect.provide(Reactivity.layer))

const count = <E>(rows: Effect.Effect<ReadonlyArray<{ readonly count: number }>, E>) =>
  Effect.map(rows, ([row]) => row!.count)

const concurrency = () => {
  it.live(
    "50 senders on two servers leave no gap, no repeat and one order in every inbox, and meet no deadlock",
    () =>
      Effect.gen(function* () {
        const { users, sql } = yield* sendsToOneDatabase
        const accepted = Array.from({ length: SENDERS * SENDS_EACH }, (_, i) =>
          planOf(users, Math.floor(i / SENDS_EACH), i % SENDS_EACH)
        ).filter(({ isRefused }) => !isRefused)

        const messages = yield* sql<{
          readonly key: string
        }>`SELECT sender_id || ':' || client_id AS key FROM messages`
        assert.deepEqual(
          messages.map(({ key }) => key).sort(),
          accepted.map(({ draft }) => `${draft.sender_id}:${draft.client_id}`).sort()
        )

        const gaps = yield* sql`SELECT user_id FROM inboxes i
          WHERE ARRAY(SELECT seq FROM inbox_events e WHERE e.user_id = i.user_id ORDER BY seq)
            <> ARRAY(SELECT generate_series(1, i.last_seq))`
        assert.isEmpty(gaps)

        const outOfOrder = yield* sql`SELECT * FROM (
            SELECT *, lag(message_id) OVER (PARTITION BY user_id ORDER BY seq) AS before FROM inbox_events
          ) e WHERE message_id <= before`
        assert.isEmpty(outOfOrder)

        const unreported = yield* sql`SELECT id FROM messages m WHERE
          (SELECT array_agg((user_id, type) ORDER BY type) FROM inbox_events WHERE message_id = m.id)
            <> ARRAY[(receiver_id, 'message'::text), (sender_id, 'message_sent'::text)]`
        assert.isEmpty(unreported)

        // A connection reports the deadlocks that it met when it ends.
        const others = count(sql<{ count: number }>`SELECT count(*)::int FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()`)
        yield* until(Effect.map(others, (connections) => connections === 0))
        const deadlocks = count(sql<{ count: number }>`SELECT deadlocks::int AS count FROM pg_stat_database
          WHERE datname = current_database()`)
        assert.strictEqual(yield* deadlocks, 0)
      }),
    120_000
  )
}

describe.runIf(databaseUrl !== undefined)("Sends on PostgreSQL", concurrency)
