import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { until } from "../support/Until.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

const LONG = `A message with a very long word: ${"w".repeat(300)}, and https://example.com/${"path/".repeat(60)}`

/** Whether nothing must be scrolled sideways to be read. */
const FITS = "document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth"

layer(ChatServer.layer, { excludeTestServices: true })("the page", (it) => {
  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is used with a keyboard alone", () =>
        Effect.gen(function* () {
          const { server, client } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "one")
          yield* send(b!, a!, "two")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            const { keyboard } = page
            const focused = page.locator("*:focus")
            await page.locator(".conversation").waitFor()
            // The conversations, from the keyboard; the list of shortcuts, and back.
            await keyboard.press("?")
            await page.getByRole("dialog", { name: "Shortcuts" }).waitFor()
            await keyboard.press("Escape")
            await page.getByRole("dialog").waitFor({ state: "detached" })
            await keyboard.press("Alt+ArrowDown")
            const text = page.getByLabel(/^Message to/)
            await text.waitFor()
            await page.locator(".message").nth(1).waitFor()
            assert.include(await focused.getAttribute("aria-label"), "Message to")
            // Where nothing is written, a letter is a shortcut.
            await keyboard.press("Shift+Tab")
            await keyboard.press("/")
            assert.include(await focused.getAttribute("aria-label"), "Search conversations")
            // The row is one step from the search, and leads to the text.
            await keyboard.press("Tab")
            assert.include(await focused.textContent(), b!.display_name)
            await keyboard.press("Enter")
            assert.include(await focused.getAttribute("aria-label"), "Message to")
            // One step back is the newest message; the arrow goes to the one before.
            await keyboard.press("Shift+Tab")
            assert.include(await focused.textContent(), "two")
            await keyboard.press("ArrowUp")
            assert.include(await focused.textContent(), "one")
            await keyboard.press("1")
            await page.getByRole("button", { name: "👍 1", exact: true }).waitFor()
            // The actions of the message with the focus are the next stop.
            await keyboard.press("Tab")
            assert.strictEqual(await focused.getAttribute("aria-label"), "React with 👍")
            await keyboard.press("ArrowUp")
            await keyboard.press("r")
            await page.getByText(`Reply to ${b!.username}: one`).waitFor()
            await keyboard.type("an answer")
            await keyboard.press("Enter")
            await page.locator(".message .ticks").waitFor()
            await keyboard.press("ArrowUp")
            await page.getByText("Editing").waitFor()
            await keyboard.type("!")
            await keyboard.press("Enter")
            await page.locator(".message").getByText("an answer!").waitFor()
            await page.locator(".composer").getByText("Editing").waitFor({ state: "detached" })
            await keyboard.press("Shift+Tab")
            // The question begins at the answer that changes nothing.
            await keyboard.press("Delete")
            assert.strictEqual(await focused.textContent(), "Keep")
            await keyboard.press("Enter")
            await page.getByText("Delete for everybody?").waitFor({ state: "detached" })
            assert.include(await focused.textContent(), "an answer!")
            await keyboard.press("Delete")
            await keyboard.press("Escape")
            await page.getByText("Delete for everybody?").waitFor({ state: "detached" })
            assert.strictEqual(await page.locator(".gone").count(), 0)
            await keyboard.press("Delete")
            await keyboard.press("Shift+Tab")
            await keyboard.press("Enter")
            await page.locator(".gone").waitFor()
            await keyboard.press("Escape")
            assert.include(await focused.getAttribute("aria-label"), "Message to")
            await keyboard.press("Escape")
            await page.getByText("Choose a conversation").waitFor()
            assert.include(await focused.textContent(), b!.display_name)
          })
          // The page shows it deleted before the server has heard of it.
          yield* until(
            Effect.map(
              client.messages.history({ query: { user_id: a!.id, chat_with: b!.id } }),
              ([last]) => last!.deleted_at !== undefined
            )
          )
          assert.deepEqual(complaints, [])
        })
      )

      it.effect.each([
        ["on a phone of 360 px", { width: 360, height: 640 }],
        // What a window of 1280 px has at 200 %.
        ["at 200 %", { width: 640, height: 400 }]
      ] as const)("shows everything %s without scrolling sideways", ([, viewport]) =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, LONG)
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.setViewportSize(viewport)
            await page.getByRole("button", { name: b!.display_name }).waitFor()
            assert.isTrue(await page.evaluate(FITS), "the list")
            await page.getByRole("button", { name: "New chat" }).first().click()
            await page.locator("dialog .person").first().waitFor()
            assert.isTrue(await page.evaluate(FITS), "the dialog")
            await page.keyboard.press("Escape")
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").waitFor()
            assert.isTrue(await page.evaluate(FITS), "the conversation")
            // All of it is in reach: writing, sending, and the way back to the list.
            await page.getByLabel(/^Message to/).fill("hello")
            await page.getByRole("button", { name: "Send" }).click()
            await page.locator(".message .ticks").waitFor()
            const back = page.getByRole("button", { name: "Back to the list" })
            if (await back.isVisible()) {
              await back.click()
              await page.locator(".conversation").click()
            }
          })
        })
      )
    })
  })
})
