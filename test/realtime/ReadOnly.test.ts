import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Redacted } from "effect"
import { Database } from "../../src/database/Database.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { startServer } from "../support/TestServer.ts"
import { until } from "../support/Until.ts"
import { chatOn } from "./support/ChatServer.ts"

describe.runIf(databaseUrl !== undefined)("a database that takes no writes", () => {
  it.live("makes sends unavailable, ends no socket, and is noticed when it takes them again", () =>
    Effect.gen(function* () {
      const fresh = yield* freshDatabase
      const name = new URL(Redacted.value(Option.getOrThrow(fresh.databaseUrl))).pathname.slice(1)
      const { server, connect, newUser, client } = yield* startServer(fresh).pipe(Effect.flatMap(chatOn))
      const { health: sql } = Context.get(server.services, Database)
      const [alice, bob] = [yield* newUser, yield* newUser]
      const socket = yield* connect(alice)
      yield* socket.expect("system")
      const post = Effect.promise(async () => {
        const body = JSON.stringify({ sender_id: alice.id, receiver_id: bob.id, content: "hello" })
        const headers = { "content-type": "application/json" }
        return (await fetch(`${server.url}/messages/`, { method: "POST", headers, body })).status
      })

      yield* sql.unsafe(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
      yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = ${name} AND pid <> pg_backend_pid()`
      // A connection that was ended may be found out by the first statement.
      yield* until(Effect.map(post, (status) => status === 503))
      assert.strictEqual(yield* post, 503)
      yield* socket.send({ type: "send", receiver_id: bob.id, content: "hello", client_id: "c1" })
      assert.deepInclude(yield* socket.expect("error"), { code: "unavailable", client_id: "c1" })
      assert.strictEqual((yield* client.users.get({ params: { user_id: bob.id } })).id, bob.id)

      yield* sql.unsafe(`ALTER DATABASE ${name} RESET default_transaction_read_only`)

      yield* until(Effect.map(post, (status) => status === 200))
      yield* socket.send({ type: "send", receiver_id: bob.id, content: "hello", client_id: "c2" })
      yield* socket.nextOf("ack")
    })
  )
})
