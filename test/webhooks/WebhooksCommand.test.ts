import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Option, Redacted, Scope } from "effect"
import { WebhookRepo } from "../../src/repo/WebhookRepo.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { type Receiver, startReceiver } from "./Receiver.ts"
import { startNode, type WebhookNode } from "./Servers.ts"

/** Runs the command on the database of these settings. */
const commandOn =
  (settings: Effect.Success<typeof freshDatabase>) =>
  (...args: ReadonlyArray<string>) =>
    Effect.flatMap(
      startProcess({ DATABASE_URL: Redacted.value(Option.getOrThrow(settings.databaseUrl)) }, [
        process.execPath,
        "scripts/webhooks.ts",
        ...args
      ]),
      ({ ended }) => ended
    )

/** Makes the last service of a receiver's URL three minutes older. */
const threeMinutesAgo = ({ sql }: WebhookNode, receiver: Receiver) =>
  sql`UPDATE webhook_endpoints SET seen_at = seen_at - interval '3 minutes' WHERE location = ${receiver.url.split("?")[0]!}`

describe.runIf(databaseUrl !== undefined)("npm run webhooks", { timeout: 120_000 }, () => {
  it.live("lists the events that were given up, and sends one or all of them again", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      receiver.respond = (_, response) => response.writeHead(410).end()
      const settings = yield* freshDatabase
      const node = yield* startNode([receiver.url], settings)
      const repo = Context.get(node.server.services, WebhookRepo)
      yield* Effect.replicateEffect(node.newUser, 3)
      yield* until(Effect.map(repo.deadLetters(9), ({ length }) => length === 3))
      receiver.respond = (_, response) => response.writeHead(204).end()

      const run = commandOn(settings)
      const listed = yield* run("list")
      const lines = listed.stdout.trim().split("\n")
      assert.lengthOf(lines, 3)
      const [id, type, , , attempts, reason, location] = lines[0]!.split("\t")
      assert.deepEqual([type, attempts, reason], ["user.created", "1", "410"])
      assert.strictEqual(location, receiver.url.split("?")[0])

      assert.include(yield* run("retry", id!), { code: 0, stdout: "1 to be sent again\n" })
      yield* until(Effect.map(repo.deadLetters(9), ({ length }) => length === 2))
      const again = yield* run("retry", id!)
      assert.strictEqual(again.code, 1)
      assert.match(again.stderr, /No event with this id was given up/)
      assert.match((yield* run("retry")).stderr, /Name one id, or --all/)
      assert.match((yield* run("retry", "42")).stderr, /must look like msg_/)

      assert.include(yield* run("retry", "--all"), { code: 0, stdout: "2 to be sent again\n" })
      yield* until(Effect.map(node.waiting, (count) => count === 0))
      assert.deepEqual(yield* repo.deadLetters(9), [])
      assert.lengthOf(receiver.received, 6)
    })
  )
  it.live("sends the events of a URL that was replaced to the one that nodes serve now", () =>
    Effect.gen(function* () {
      const [mistyped, mended, other] = [yield* startReceiver, yield* startReceiver, yield* startReceiver]
      mistyped.respond = (_, response) => response.writeHead(410).end()
      const settings = yield* freshDatabase
      const run = commandOn(settings)
      const scope = yield* Scope.make()
      const before = yield* Scope.provide(startNode([mistyped.url], settings), scope)
      yield* Effect.replicateEffect(before.newUser, 3)
      const repo = Context.get(before.server.services, WebhookRepo)
      yield* until(Effect.map(repo.deadLetters(9), ({ length }) => length === 3))
      yield* Scope.close(scope, Exit.void)
      const restarted = yield* Scope.make()
      const node = yield* Scope.provide(startNode([mended.url, other.url], settings), restarted)
      const letters = Effect.map(
        Context.get(node.server.services, WebhookRepo).deadLetters(9),
        ({ length }) => length
      )
      // Two minutes later it is known that no node serves the former URL.
      yield* threeMinutesAgo(node, mistyped)

      const stays = yield* run("retry", "--all")
      assert.include(stays, { code: 1, stdout: "" })
      assert.match(stays.stderr, /^3 stay dead letters, because no node serves their URL\. Add --to/)
      assert.include(stays.stderr, mended.url.split("?")[0]!)
      assert.notInclude(stays.stderr, "s3cret")
      const wrong = yield* run("retry", "--all", "--to", mistyped.url)
      assert.include(wrong, { code: 1, stdout: "" })
      assert.match(wrong.stderr, /--to must be a whole URL/)
      assert.strictEqual(yield* letters, 3)

      const [, second] = (yield* run("list")).stdout.split("\n")
      const one = yield* run("retry", second!.split("\t")[0]!, "--to", mended.url)
      assert.include(one, { code: 0, stdout: "1 to be sent again\n" })
      yield* mended.got(1)
      yield* Scope.close(restarted, Exit.void)

      const last = yield* startNode([other.url], settings)
      yield* threeMinutesAgo(last, mended)
      assert.include(yield* run("retry", "--all"), { code: 0, stdout: "2 to be sent again\n" })
      yield* other.got(2)
      yield* until(Effect.map(last.waiting, (count) => count === 0))
      assert.lengthOf(mended.received, 1)
    })
  )

  it.live("keeps dead letters while no URL is served, and says so", () =>
    Effect.gen(function* () {
      const receiver = yield* startReceiver
      receiver.respond = (_, response) => response.writeHead(410).end()
      const settings = yield* freshDatabase
      const node = yield* startNode([receiver.url], settings)
      yield* node.newUser
      const repo = Context.get(node.server.services, WebhookRepo)
      yield* until(Effect.map(repo.deadLetters(9), ({ length }) => length === 1))
      yield* node.sql`UPDATE webhook_endpoints SET retired = true`

      const refused = yield* commandOn(settings)("retry", "--all")
      assert.include(refused, { code: 1, stdout: "" })
      assert.match(refused.stderr, /^1 stay dead letters.*Start the server with WEBHOOK_URL/)
      assert.lengthOf(yield* repo.deadLetters(9), 1)
    })
  )
})
