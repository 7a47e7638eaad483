import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Redacted } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { Database } from "../../src/database/Database.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startServer, typedClient } from "../support/TestServer.ts"

/** More than the connection between a server and a client that does not read takes in. */
const MESSAGES = 500

/** A server with a user whose export is long, and a client that has the head of its answer and reads on when the test says so. */
const longExport = Effect.fnUntraced(function* (settings: Partial<Settings>) {
  const server = yield* startServer(settings)
  const client = yield* typedClient(server)
  const { pipeline: sql } = Context.get(server.services, Database)
  const alice = yield* client.users.create({ payload: { username: "alice" } })
  const bob = yield* client.users.create({ payload: { username: "bob" } })
  const { conversation_id } = yield* client.messages.send({
    payload: { sender_id: alice.id, receiver_id: bob.id, content: "hello" }
  })
  yield* sql`
    INSERT INTO messages (sender_id, receiver_id, conversation_id, content, metadata, timestamp)
    SELECT ${alice.id}::int, ${bob.id}::int, ${conversation_id!}::bigint, '',
      jsonb_build_object('long', repeat('x', 30000)), clock_timestamp()
    FROM generate_series(1, ${MESSAGES}::int)`
  const of = (id: number) =>
    Effect.acquireRelease(
      Effect.promise(() => fetch(`${server.url}/users/${id}/export`)),
      (response) =>
        Effect.promise(async () => {
          if (!response.bodyUsed) await response.body?.cancel()
        })
    )
  return { alice, bob, sql, of, first: yield* of(alice.id) }
})

/** All that comes of an answer, and whether the answer ended. */
const read = (response: Response) =>
  Effect.promise(async () => {
    let text = ""
    try {
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part
    } catch {
      return { text, isWhole: false }
    }
    return { text, isWhole: true }
  })

const END = '"type":"end"'

describe("a long export", () => {
  it.live("is the only one of its user until it is read", () =>
    Effect.gen(function* () {
      const { alice, bob, of, first } = yield* longExport(yield* freshEmbedded)
      assert.strictEqual(first.status, 200)
      for (let i = 0; i < 2; i++) {
        const second = yield* of(alice.id)
        assert.strictEqual(second.status, 429)
        assert.strictEqual(second.headers.get("retry-after"), "1")
        const problem = yield* Effect.promise(() => second.json())
        assert.deepInclude(problem, { detail: "An export of this user is under way", retry_after_ms: 1000 })
      }
      assert.strictEqual((yield* of(bob.id)).status, 200)

      const { text, isWhole } = yield* read(first)
      assert.isTrue(isWhole)
      assert.lengthOf(text.match(/"type":"message"/g)!, MESSAGES + 1)
      assert.include(text, END)
      assert.isTrue((yield* Effect.flatMap(of(alice.id), read)).isWhole)
    })
  )

  it.live("is cut short when the database fails in the middle", () =>
    Effect.gen(function* () {
      const { sql, first } = yield* longExport(yield* freshEmbedded)
      yield* sql`ALTER TABLE reactions RENAME TO lost`
      const { text, isWhole } = yield* read(first)
      assert.isFalse(isWhole)
      assert.include(text, '"type":"message"')
      assert.notInclude(text, END)
    })
  )
})

describe.runIf(databaseUrl !== undefined)("a long export of PostgreSQL", () => {
  it.live("is cut short when PostgreSQL is unavailable in the middle", () =>
    Effect.gen(function* () {
      const { databaseUrl } = yield* freshDatabase
      const proxy = yield* tcpProxy(new URL(Redacted.value(Option.getOrThrow(databaseUrl))))
      const { first } = yield* longExport({ databaseUrl: Option.some(Redacted.make(proxy.url.href)) })
      yield* proxy.cut
      const { text, isWhole } = yield* read(first)
      assert.isFalse(isWhole)
      assert.notInclude(text, END)
    })
  )
})
