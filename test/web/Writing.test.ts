import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** Presses a key in the place with the focus, as an input method does that takes it. */
const press = (page: Page, key: string, how: { readonly isComposing?: boolean; readonly keyCode?: number }) =>
  page.evaluate(
    `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", ${JSON.stringify({ key, bubbles: true, cancelable: true, ...how })}))`
  )

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("what is written on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is in sight, wherever the history stands", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          for (let i = 0; i < 120; i++) yield* send(b!, a!, i === 5 ? "the oyster" : `message ${i}`)
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          const isInSight = (text: string) =>
            page
              .locator(".history article, .history .message")
              .getByText(text, { exact: true })
              .evaluate((element) => {
                const { top, bottom } = element.getBoundingClientRect()
                const box = element.closest(".history")!.getBoundingClientRect()
                return top >= box.top && bottom <= box.bottom
              })
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").getByText("message 119").waitFor()
            await page.locator(".history").evaluate((box) => box.scrollTo(0, 1000))
            await page.getByRole("button", { name: "Newest" }).waitFor()
            await write(page, "from above")
            await page.getByRole("button", { name: "Newest" }).waitFor({ state: "detached" })
            await page.locator(".message").getByText("from above").waitFor()
            assert.isTrue(await isInSight("from above"))

            await page.getByLabel("Search conversations, people and messages").fill("oyster")
            await page.locator(".found button").first().click()
            await page.locator(".message").getByText("the oyster").waitFor()
            await page.getByRole("button", { name: "Newest" }).waitFor()
            await write(page, "from long ago")
            await page.getByRole("button", { name: "Newest" }).waitFor({ state: "detached" })
            await page.locator(".message").getByText("from above").waitFor()
            await page.locator(".message").getByText("from long ago").waitFor()
            assert.isTrue(await isInSight("from long ago"))
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("takes no keys from an input method that composes a character", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            const area = page.getByLabel(/^Message to/)
            await area.fill("に")
            for (const how of [{ isComposing: true }, { keyCode: 229 }])
              for (const key of ["Enter", "Escape"]) await press(page, key, how)
            assert.strictEqual(await area.inputValue(), "に")
            const filter = page.getByLabel("Search conversations, people and messages")
            await filter.fill("ほ")
            await press(page, "Escape", { isComposing: true })
            assert.strictEqual(await filter.inputValue(), "ほ")
            await press(page, "Escape", {})
            assert.strictEqual(await filter.inputValue(), "")
          })
          assert.deepEqual(complaints, [])
        })
      )
    })

    it.layer(Chromium.layer)((it) => {
      it.effect("is sent also where the browser stores nothing", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const { page, complaints } = yield* openChat(server.url, [], {
            // As with site data blocked.
            before: (page) =>
              page.addInitScript(`for (const name of ["localStorage", "sessionStorage"])
                Object.defineProperty(window, name, { get() { throw new DOMException("Blocked", "SecurityError") } })`)
          })
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: "Make two users" }).click()
            await write(page, "hello", 0)
            await page.locator(".pane").nth(1).locator(".message").getByText("hello").waitFor()
            await page
              .locator(".pane")
              .nth(0)
              .getByRole("button", { name: /Switch to/ })
              .click()
          })
          assert.deepEqual(complaints, [])
        })
      )
    })
  })
})
