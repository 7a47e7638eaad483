import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newPair, send } from "../http/ChatServer.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { until } from "../support/Until.ts"

layer(ChatServer.layer, { excludeTestServices: true })("examples/bot.ts", (it) => {
  it.effect(
    "answers each message once, also those that came while it was not running",
    () =>
      Effect.gen(function* () {
        const { server, client } = yield* ChatServer
        const { alice, bob } = yield* newPair
        const { dataDir } = yield* freshDataDir
        const start = startProcess(
          { MINI_CHAT_URL: server.url, BOT_ID: String(bob.id), BOT_FOLDER: `${dataDir}-bot` },
          [process.execPath, "examples/bot.ts"]
        )
        const answers = Effect.map(
          client.messages.history({ query: { user_id: alice.id, chat_with: bob.id } }),
          (messages) =>
            messages
              .filter(({ sender_id }) => sender_id === bob.id)
              .map(({ content }) => content)
              .toReversed()
        )
        const answered = (count: number) => until(Effect.map(answers, ({ length }) => length >= count))

        const first = yield* start
        // From then on it knows where it is in its inbox.
        yield* until(Effect.sync(() => existsSync(join(`${dataDir}-bot`, "snapshot.json"))))
        yield* send(alice, bob, "one")
        yield* answered(1)
        yield* send(alice, bob, "two")
        yield* first.signal("SIGKILL")
        yield* first.ended
        yield* send(alice, bob, "three")
        yield* start
        yield* answered(3)
        yield* send(alice, bob, "four")
        yield* answered(4)
        // The end of it does not fit into the answer, and is cut between two emoji.
        yield* send(alice, bob, `a${"😀".repeat(999)}`)
        yield* answered(5)
        assert.deepEqual(yield* answers, [
          "You said: one",
          "You said: two",
          "You said: three",
          "You said: four",
          `You said: a${"😀".repeat(989)}`
        ])
      }),
    // Two processes are started, on a machine that may be busy.
    90_000
  )
})
