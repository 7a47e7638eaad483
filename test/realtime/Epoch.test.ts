import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { CloseCode } from "../../src/api/CloseCode.ts"
import { Database } from "../../src/database/Database.ts"
import { Epoch } from "../../src/Epoch.ts"
import { freshDatabase, freshRedis, restorableDatabase } from "../support/Services.ts"
import { startServer, type TestServer } from "../support/TestServer.ts"
import { until } from "../support/Until.ts"
import { chatOn, commitUnannounced, hasSharedServices, sharedServices } from "./support/ChatServer.ts"

const start = (overrides: Partial<Settings>) => Effect.flatMap(startServer(overrides), chatOn)

const get = (server: TestServer, path: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}${path}`, { headers })
    const text = await response.text()
    return { status: response.status, etag: response.headers.get("etag") ?? "", text }
  })

/** Raises the generation, as `npm run epoch -- --new` does. */
const begin = ({ services }: TestServer) =>
  Context.get(services, Database).sends`UPDATE deployment SET generation = generation + 1`

describe.runIf(hasSharedServices)("the epoch", () => {
  it.live("of a restored backup is another one: no cursor and no cached answer outlives the restore", () =>
    Effect.gen(function* () {
      const database = yield* restorableDatabase
      const services = { ...database.settings, ...(yield* freshRedis) }

      const { alice, bob } = yield* Effect.gen(function* () {
        const { newUser, server } = yield* start(services)
        const [alice, bob] = [yield* newUser, yield* newUser]
        yield* commitUnannounced(server, alice, bob, "kept", 10)
        return { alice, bob }
      }).pipe(Effect.scoped)
      yield* database.backUp

      const recent = `/messages/recent/${bob.id}`
      const history = `/messages/?user_id=${bob.id}`
      const before = yield* Effect.gen(function* () {
        const { server, connect } = yield* start(services)
        yield* commitUnannounced(server, alice, bob, "lost", 10)
        const { epoch, cursor } = yield* (yield* connect(bob)).expect("system")
        return { epoch, cursor, recent: yield* get(server, recent), history: yield* get(server, history) }
      }).pipe(Effect.scoped)
      assert.strictEqual(before.cursor, 20)
      yield* database.restore

      const { server, connect, client } = yield* start(services)
      // The head is the same again: by the number alone, nothing would be seen to be missing.
      yield* commitUnannounced(server, alice, bob, "written again", 10)
      const { epoch, cursor: since } = before

      const greeting = yield* (yield* connect(bob, { since, epoch })).expect("system")
      assert.deepInclude(greeting, { cursor: 20, recovered: false })
      assert.notStrictEqual(greeting.epoch, epoch)

      const page = yield* client.users.events({
        params: { user_id: bob.id },
        query: { since, epoch, limit: 100, wait: 30 }
      })
      assert.deepEqual(page, { events: [], cursor: 20, epoch: greeting.epoch, recovered: false })

      for (const [path, { etag }] of [
        [recent, before.recent],
        [history, before.history]
      ] as const) {
        const answer = yield* get(server, path, { "if-none-match": etag })
        assert.strictEqual(answer.status, 200, path)
        assert.include(answer.text, "written again")
        assert.notInclude(answer.text, "lost")
      }

      const resumed = yield* (yield* connect(bob, { since: 10, epoch: greeting.epoch })).expect("system")
      assert.strictEqual(resumed.recovered, undefined)
      const old = yield* (yield* connect(bob, { since: 10 })).expect("system")
      assert.strictEqual(old.recovered, undefined)
    })
  )

  it.live("that changes closes the sockets of every node, and those that come back get the new epoch", () =>
    Effect.gen(function* () {
      const services = yield* sharedServices
      const [a, b] = [yield* start(services), yield* start(services)]
      const [alice, bob] = [yield* a.newUser, yield* a.newUser]
      yield* a.post(alice, bob, "before")
      const sockets = [yield* a.connect(bob), yield* b.connect(alice)]
      const { epoch } = yield* sockets[0]!.expect("system")

      yield* begin(a.server)

      for (const { closed } of sockets) assert.strictEqual((yield* closed).code, CloseCode.restarting.code)
      yield* until(
        Effect.sync(() =>
          [a, b].every(({ server }) => Context.get(server.services, Epoch).current() !== epoch)
        )
      )
      const back = yield* b.connect(bob, { since: 1, epoch })
      assert.deepInclude(yield* back.expect("system"), { cursor: 1, recovered: false })
      yield* a.post(alice, bob, "after")
      assert.strictEqual((yield* back.expect("message")).content, "after")
    })
  )

  it.live("keeps apart two deployments on one Redis, whose users have the same ids", () =>
    Effect.gen(function* () {
      const redis = yield* freshRedis
      const [ours, theirs] = [
        yield* start({ ...(yield* freshDatabase), ...redis }),
        yield* start({ ...(yield* freshDatabase), ...redis })
      ]
      const [alice, bob] = [yield* ours.newUser, yield* ours.newUser]
      const [, mallory] = [yield* theirs.newUser, yield* theirs.newUser]
      assert.strictEqual(mallory.id, bob.id)
      const socket = yield* ours.connect(bob)
      yield* socket.expect("system")

      const { delivered_via_websocket } = yield* theirs.post({ id: alice.id }, mallory, "theirs")
      yield* ours.post(alice, bob, "ours")

      assert.deepInclude(yield* socket.expect("message"), { seq: 1, content: "ours" })
      assert.isFalse(delivered_via_websocket)
      const presence = yield* theirs.client.users.presence({ params: { user_id: mallory.id } })
      assert.isFalse(presence.online)
    })
  )

  it.live("is begun once by nodes that notice the same loss", () =>
    Effect.gen(function* () {
      const { server } = yield* start(yield* freshDatabase)
      const generation = Effect.map(
        Context.get(server.services, Database).pipeline<{
          generation: number
        }>`SELECT generation FROM deployment`,
        (rows) => rows[0]!.generation
      )
      const epoch = Context.get(server.services, Epoch)
      const seen = epoch.current()

      yield* Effect.all([epoch.renew(seen), epoch.renew(seen)], { concurrency: 2 })
      yield* epoch.renew(seen)

      assert.strictEqual(yield* generation, 2)
      assert.notStrictEqual(epoch.current(), seen)
    })
  )
})
