import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Redacted } from "effect"
import { WebhookRepo } from "../../src/repo/WebhookRepo.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { until } from "../support/Until.ts"
import { startReceiver } from "./Receiver.ts"
import { startNode } from "./Servers.ts"

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

      const run = (...args: ReadonlyArray<string>) =>
        Effect.flatMap(
          startProcess({ DATABASE_URL: Redacted.value(Option.getOrThrow(settings.databaseUrl)) }, [
            process.execPath,
            "scripts/webhooks.ts",
            ...args
          ]),
          ({ ended }) => ended
        )

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
})
