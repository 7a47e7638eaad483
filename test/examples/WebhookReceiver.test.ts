import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { until } from "../support/Until.ts"
import { SECRET, startNode } from "../webhooks/Servers.ts"

it.live("examples/webhook-receiver.mjs takes what is signed, once, and nothing else", () =>
  Effect.gen(function* () {
    const receiver = yield* startProcess({ WEBHOOK_SECRET: SECRET }, [
      process.execPath,
      "examples/webhook-receiver.mjs"
    ])
    const [, port] = yield* receiver.logged(/listens on (\d+)/)
    const url = `http://127.0.0.1:${port}/`
    const forged = yield* Effect.promise(() =>
      fetch(url, { method: "POST", body: '{"type":"message.created","data":{}}' })
    )
    assert.strictEqual(forged.status, 400)

    const node = yield* startNode([url], yield* freshEmbedded)
    const [alice, bob] = [yield* node.newUser, yield* node.newUser]
    const { id } = yield* node.post(alice, bob, "hello")

    yield* receiver.logged(new RegExp(`push to \\[ ${bob.id} \\] ${id}\\n`))
    yield* until(Effect.map(node.waiting, (count) => count === 0))
  })
)
