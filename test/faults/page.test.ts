import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Console, Effect, type Scope } from "effect"
import { Rest } from "../../verify/Rest.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium } from "../web/Pages.ts"
import * as ChatNode from "./support/ChatNode.ts"
import * as Infrastructure from "./support/Infrastructure.ts"
import { freePort } from "./support/Ports.ts"
import { PostgresServer } from "./support/PostgresServer.ts"
import { RedisServer } from "./support/RedisServer.ts"
import { scale } from "./support/Scale.ts"
import { openTypedPage } from "./support/TypedPage.ts"
import { until } from "./support/Until.ts"

/** How many messages are typed at least, and how many during each fault. */
const MESSAGES = scale.short ? 48 : 200
const PER_FAULT = scale.short ? 4 : 17

/** How long what is away stays so after the last message of its fault. */
const OUTAGE = scale.short ? "500 millis" : "2 seconds"

/** A node that comes back on its port. */
const restartableNode = Effect.fnUntraced(function* (databaseUrl: string) {
  const redis = yield* RedisServer
  const port = yield* freePort
  const startNode = ChatNode.start({ databaseUrl, redisUrl: redis.url, port })
  let node = yield* startNode
  const end = (signal: NodeJS.Signals) =>
    Effect.suspend(() => Effect.andThen(node.signal(signal), node.ended))
  return {
    url: node.url,
    end,
    signal: (signal: NodeJS.Signals) => Effect.suspend(() => node.signal(signal)),
    start: Effect.map(startNode, (next) => {
      node = next
    })
  }
})

/** The answers that did not arrive never do. */
const loseHeld = ({ cut, release, restore }: Effect.Success<ReturnType<typeof tcpProxy>>) =>
  cut.pipe(Effect.andThen(release), Effect.andThen(restore))

layer(Infrastructure.layer, { excludeTestServices: true, timeout: "120 seconds" })("the page", (it) => {
  describe.runIf(existsSync(CHROMIUM))("of two users in Chromium", { timeout: 900_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("shows each typed message once, in order, whatever is killed and closed meanwhile", () =>
        Effect.gen(function* () {
          const postgres = yield* PostgresServer
          const redis = yield* RedisServer
          const rest = yield* Rest
          const databaseUrl = yield* postgres.createDatabase("page")
          const sql = yield* postgres.connect(databaseUrl)
          const one = yield* restartableNode(databaseUrl)
          const other = yield* restartableNode(databaseUrl)
          const [alice, bob] = yield* Effect.all(
            ["alice", "bob"].map((name) => rest.createUser(one.url, name))
          )
          yield* Effect.promise(() =>
            fetch(`${one.url}/conversations/`, {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ user_id: alice!.id, kind: "direct", with: bob!.id })
            })
          )
          const networks = [yield* tcpProxy(new URL(one.url)), yield* tcpProxy(new URL(other.url))] as const
          const a = yield* openTypedPage(networks[0].url.href, alice!.id, "bob")
          const b = yield* openTypedPage(networks[1].url.href, bob!.id, "alice")

          let typed = 0
          const texts: Record<"alice" | "bob", Array<string>> = { alice: [], bob: [] }
          const typeOne = (who: "alice" | "bob") =>
            Effect.suspend(() => {
              const text = `${++typed} of ${who}`
              texts[who].push(text)
              return (who === "alice" ? a : b).type(text)
            })
          const some = Effect.forEach(Array.from({ length: PER_FAULT }), (_, i) =>
            typeOne(i % 2 === 0 ? "alice" : "bob")
          )
          const someOf = (who: "alice" | "bob") => Effect.replicateEffect(typeOne(who), PER_FAULT)
          const away = (begin: Effect.Effect<unknown>, end: Effect.Effect<unknown, never, Scope.Scope>) =>
            begin.pipe(Effect.andThen(some), Effect.andThen(Effect.sleep(OUTAGE)), Effect.andThen(end))

          const faults: ReadonlyArray<readonly [string, Effect.Effect<unknown, never, Scope.Scope>]> = [
            ["a node is killed", away(one.end("SIGKILL"), one.start)],
            ["Redis is killed", away(redis.kill, redis.start)],
            ["a tab is closed", Effect.all([a.reopen, someOf("bob")], { concurrency: 2 })],
            ["PostgreSQL is killed", away(postgres.crash, postgres.start)],
            ["a network breaks", away(networks[0].cut, networks[0].restore)],
            ["a node is drained", away(other.end("SIGTERM"), other.start)],
            ["a device has no network", away(b.setOffline(true), b.setOffline(false))],
            ["a node is frozen", away(other.signal("SIGSTOP"), other.signal("SIGCONT"))],
            [
              "a tab is closed while its node is down",
              away(one.end("SIGKILL"), Effect.all([a.reopen, one.start], { concurrency: 2 }))
            ],
            ["a network delays", away(networks[1].hold("everything"), networks[1].release)],
            ["a page is reloaded", Effect.all([b.load, someOf("alice")], { concurrency: 2 })],
            ["answers are lost", away(networks[0].hold("replies"), loseHeld(networks[0]))]
          ]
          const began = performance.now()
          for (let i = 0; typed < MESSAGES; i++) {
            const [name, fault] = faults[i % faults.length]!
            yield* fault
            yield* Console.log(
              `${name}: ${typed} messages typed after ${Math.round(performance.now() - began)} ms`
            )
          }

          const stored = sql<{ readonly content: string }>`SELECT content FROM messages ORDER BY id`.pipe(
            Effect.map((rows) => rows.map(({ content }) => content)),
            Effect.orDie
          )
          yield* until(
            "all are stored",
            Effect.map(stored, ({ length }) => length >= typed),
            "60 seconds"
          )
          const assertShown = Effect.gen(function* () {
            for (const page of [a, b])
              assert.deepEqual(
                (yield* page.shown(typed)).map(({ text }) => text),
                yield* stored
              )
          })
          yield* assertShown
          yield* Effect.all([a.load, b.load])
          yield* assertShown
          yield* Console.log(`all shown, twice, after ${Math.round(performance.now() - began)} ms`)
          const all = yield* stored
          assert.lengthOf(all, typed)
          for (const [who, own] of Object.entries(texts))
            assert.deepEqual(
              all.filter((text) => text.endsWith(who)),
              own
            )
          assert.deepEqual([...a.complaints, ...b.complaints], [])
        })
      )
    })
  })
})
