import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { Database } from "../../src/database/Database.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { chatOn } from "./support/ChatServer.ts"

/** No rights, a full disk, no memory, a broken index, a cancelled statement, a constraint of somebody's own, and so on. */
const CODES = [
  "0A000",
  "22001",
  "22P02",
  "23502",
  "23505",
  "23514",
  "25006",
  "40001",
  "40P01",
  "42501",
  "42P01",
  "53100",
  "53200",
  "54000",
  "55000",
  "57014",
  "58030",
  "P0001",
  "XX000",
  "XX001"
]

describe.runIf(databaseUrl !== undefined)("a statement that fails although its input is valid", () => {
  it.live("makes its call unavailable, whatever the SQLSTATE, and ends no socket", () =>
    Effect.gen(function* () {
      const { server, connect, newUser } = yield* startServer(yield* freshDatabase).pipe(
        Effect.flatMap(chatOn)
      )
      const { health: sql } = Context.get(server.services, Database)
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(alice)
      yield* socket.expect("system")
      const status = (path: string, init?: RequestInit) =>
        Effect.promise(async () => (await fetch(`${server.url}${path}`, init)).status)
      const body = JSON.stringify({ sender_id: alice.id, receiver_id: bob.id, content: "hello" })
      const post = status("/messages/", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body
      })
      yield* sql`CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = TG_ARGV[0]; END $$`

      for (const code of CODES) {
        yield* sql.unsafe(
          `CREATE TRIGGER fails BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION fails('${code}')`
        )
        assert.strictEqual(yield* post, 503, code)
        yield* socket.send({ type: "send", receiver_id: bob.id, content: "hello", client_id: code })
        assert.deepInclude(yield* socket.expect("error"), { code: "unavailable", client_id: code })
        yield* sql`DROP TRIGGER fails ON messages`
      }
      yield* sql`ALTER TABLE messages RENAME TO away`
      assert.strictEqual(yield* status(`/messages/?user_id=${alice.id}`), 503)
      yield* sql`ALTER TABLE away RENAME TO messages`

      assert.strictEqual(yield* post, 200)
      yield* socket.send({ type: "send", receiver_id: bob.id, content: "hello", client_id: "healed" })
      yield* socket.nextOf("ack")
    })
  )
})
