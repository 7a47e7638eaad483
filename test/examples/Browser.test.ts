import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage } from "../web/Pages.ts"
import { openOn } from "./OpenOn.ts"

const EXAMPLE = readFileSync(join(import.meta.dirname, "../../examples/browser.html"), "utf8")

layer(ChatServer.layer, { excludeTestServices: true })("examples/browser.html", (it) => {
  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("chats by /client.js alone, and shows the same after a reload", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = (yield* newUsers(2)).map(({ id }) => id)
          const one = yield* openOn(server.url, a!, b!, (page) => page.setContent(EXAMPLE))
          const other = yield* openOn(server.url, b!, a!, (page) => page.setContent(EXAMPLE))

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
