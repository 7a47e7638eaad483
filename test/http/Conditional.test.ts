import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { User } from "../../src/domain/User.ts"
import { ChatServer } from "./ChatServer.ts"

layer(ChatServer.layer, { excludeTestServices: true })("If-None-Match", (it) => {
  let users = 0
  const pair = Effect.gen(function* () {
    const { client } = yield* ChatServer
    const create = Effect.suspend(() => client.users.create({ payload: { username: `tagged${users++}` } }))
    return { alice: yield* create, bob: yield* create }
  })
  const send = (from: User, to: User) =>
    Effect.flatMap(ChatServer, ({ client }) =>
      client.messages.send({ payload: { sender_id: from.id, receiver_id: to.id, content: "hello" } })
    )
  const get = (path: string, tag?: string) =>
    Effect.flatMap(ChatServer, ({ ask }) =>
      ask("GET", path, tag === undefined ? {} : { headers: { "if-none-match": tag } })
    )
  const paths = ({ id }: User) => [
    `/messages/?user_id=${id}`,
    `/messages/recent/${id}`,
    `/users/${id}/events?since=0`
  ]

  it.effect("a read that changed nothing since is 304 without a body, until the next event", () =>
    Effect.gen(function* () {
      const { alice, bob } = yield* pair
      yield* send(alice, bob)
      for (const user of [alice, bob]) {
        for (const path of paths(user)) {
          const first = yield* get(path)
          const tag = first.headers.get("etag")!
          assert.match(tag, /^"[\w.-]+"$/, path)

          for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
            const again = yield* get(path, known)
            assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", tag], path)
          }
          for (const unknown of ['"other"', "", tag.slice(0, -1)]) {
            assert.deepEqual((yield* get(path, unknown)).json, first.json, path)
          }

          yield* send(bob, alice)
          const changed = yield* get(path, tag)
          assert.strictEqual(changed.status, 200, path)
          assert.notStrictEqual(changed.headers.get("etag"), tag, path)
        }
      }
    })
  )

  it.effect("a read of a user that does not exist has no tag, and is no 304", () =>
    Effect.gen(function* () {
      for (const path of ["/messages/?user_id=2000000000", "/messages/recent/2000000000"]) {
        for (const tag of [undefined, '"1.1.0-0"', "*"]) {
          const answer = yield* get(path, tag)
          assert.strictEqual(answer.status, 200)
          assert.isNull(answer.headers.get("etag"))
        }
      }
    })
  )

  it.effect("pages of events change their tag when events are pruned", () =>
    Effect.gen(function* () {
      const { server } = yield* ChatServer
      const { sends: sql } = Context.get(server.services, Database)
      const { alice, bob } = yield* pair
      yield* send(alice, bob)
      const [, , path] = paths(bob)
      const tag = (yield* get(path!)).headers.get("etag")!

      yield* sql`UPDATE inboxes SET pruned_seq = 1 WHERE user_id = ${bob.id}`

      assert.strictEqual((yield* get(path!, tag)).json.recovered, false)
    })
  )

  it.effect("a poll that waits is 304 only after it waited in vain, and has the event when one came", () =>
    Effect.gen(function* () {
      const { following } = yield* ChatServer
      const { alice, bob } = yield* pair
      yield* send(alice, bob)
      const path = `/users/${bob.id}/events?since=1`
      const tag = (yield* get(path)).headers.get("etag")!

      assert.strictEqual((yield* get(`${path}&wait=1`, tag)).status, 304)

      const poll = yield* Effect.forkChild(get(`${path}&wait=30`, tag))
      yield* Effect.repeat(following(bob), { until: (polls) => polls > 0 })
      yield* send(alice, bob)
      assert.strictEqual((yield* Fiber.join(poll)).json.cursor, 2)
    })
  )
})
