import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, faultsOf, inPage, openChat } from "./Pages.ts"

const SEARCHES = /\/messages\/search/

const search = async (page: Page, words: string) => {
  await page.getByLabel("Search conversations, people and messages").fill(words)
  return page.getByRole("region", { name: "Search results" })
}

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("a search on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "loads older messages on the way down, and at the button, and says when there are no more",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            for (let i = 0; i < 70; i++) yield* send(b!, a!, `pear ${i}`)
            const { page, complaints } = yield* openChat(server.url, [a!.id])
            yield* inPage(page, async (page) => {
              const results = await search(page, "pear")
              const found = results.locator(".found")
              await found.nth(39).waitFor()
              const count = await found.count()
              assert.isBelow(count, 70)
              assert.strictEqual(await faultsOf(page), "[]")
              // The end comes into sight with the focus on the button. The answer waits for the key.
              let answer = () => {}
              const isPressed = new Promise<void>((resolve) => {
                answer = resolve
              })
              await page.route(SEARCHES, async (route) => {
                await isPressed
                await route.continue()
              })
              await results.getByRole("button", { name: "More messages" }).focus()
              await results.getByText("Searching older messages…").waitFor()
              await page.keyboard.press("Enter")
              answer()
              await page
                .locator("*:focus")
                .getByText(`pear ${69 - count}`, { exact: true })
                .waitFor()
              await results.evaluate((list) => list.scrollTo(0, list.scrollHeight))
              await results.getByText("These are all messages with these words.").waitFor()
              assert.strictEqual(await found.count(), 70)
              assert.strictEqual(await results.getByRole("button", { name: "More messages" }).count(), 0)
            })
            assert.deepEqual(complaints, [])
          })
      )

      it.effect("goes on by itself where the server says where, and when it may", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          const found = yield* send(b!, a!, "the only quince")
          const { page } = yield* openChat(server.url, [a!.id])
          const asked: Array<string | null> = []
          yield* inPage(page, async (page) => {
            const answers = [
              { json: { messages: [], next: found.id + 2000 } },
              { status: 429, json: { type: "x:rate-limited", detail: "Slow down", retry_after_ms: 50 } },
              { json: { messages: [], next: found.id + 1000 } }
            ]
            await page.route(SEARCHES, async (route) => {
              asked.push(new URL(route.request().url()).searchParams.get("before_id"))
              const answer = answers.shift()
              if (answer === undefined) await route.continue()
              else await route.fulfill(answer)
            })
            const results = await search(page, "quince")
            await results.getByRole("button", { name: /the only quince/ }).waitFor()
            await results.getByText("These are all messages with these words.").waitFor()
            assert.strictEqual(await results.getByText("Nothing has these words").count(), 0)
          })
          assert.deepEqual(asked, [null, ...[found.id + 2000, found.id + 2000, found.id + 1000].map(String)])
        })
      )

      it.effect("that fails says why, and is tried again where it stopped", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "a medlar")
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.route(SEARCHES, (route) =>
              route.fulfill({ status: 400, json: { type: "x:odd", detail: "It is too late" } })
            )
            const results = await search(page, "medlar")
            await results.getByRole("alert").getByText("It is too late").waitFor()
            assert.strictEqual(await results.getByText("Nothing has these words").count(), 0)
            await page.unroute(SEARCHES)
            await results.getByRole("button", { name: "Try again" }).press("Enter")
            await page.locator("*:focus").getByText("a medlar").waitFor()
            assert.strictEqual(await results.getByRole("alert").count(), 0)
            // New words are another search, also while the old one is under way.
            await search(page, "nothing at all")
            await results.getByText(/^Nothing has these words/).waitFor()
            assert.strictEqual(await results.locator(".found").count(), 0)
          })
        })
      )
    })
  })
})
