import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage } from "./Pages.ts"

const EXAMPLE = readFileSync(join(import.meta.dirname, "../../examples/browser.html"), "utf8")

/** Opens the example, as a page of the server's own origin, for a user who writes to another. */
const openExample = Effect.fnUntraced(function* (url: string, user: number, peer: number) {
  const browser = yield* Chromium
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext()),
    (context) => Effect.promise(() => context.close())
  )
  const errors: Array<string> = []
  const page = yield* Effect.promise(() => context.newPage())
  page.on("pageerror", (error) => errors.push(error.message))
  // The example takes the place of a page of the server: the browser would keep one that a test makes up from a local server.
  const load = Effect.promise(async () => {
    await page.goto(`${url}/livez?user=${user}&with=${peer}`)
    await page.setContent(EXAMPLE)
  })
  yield* load
  return { page, errors, load }
})

layer(ChatServer.layer, { excludeTestServices: true })("examples/browser.html", (it) => {
  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("chats by /client.js alone, and shows the same after a reload", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = (yield* newUsers(2)).map(({ id }) => id)
          const one = yield* openExample(server.url, a!, b!)
          const other = yield* openExample(server.url, b!, a!)

          for (const [from, to, text] of [
            [one, other, "Hello from one"],
            [other, one, "Hello from the other"]
          ] as const) {
            yield* inPage(from.page, async (page) => {
              await page.getByLabel("Message").fill(text)
              await page.getByRole("button", { name: "Send" }).click()
            })
            yield* inPage(to.page, (page) => page.getByText(`: ${text}`).waitFor())
          }
          yield* one.load
          yield* inPage(one.page, async (page) => {
            await page.getByText(": Hello from the other").waitFor()
            assert.strictEqual(await page.locator("#messages li").count(), 2)
          })
          assert.deepEqual([...one.errors, ...other.errors], [])
        })
      )
    })
  })
})
