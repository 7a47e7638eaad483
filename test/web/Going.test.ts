import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { expect } from "vitest"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, faultsOf, inPage, openChat } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("going about the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "takes the focus along, the list is one stop, and a search finds what is far down in it",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const [a, b, ...others] = yield* newUsers(80)
            yield* ask("POST", "/conversations/", {
              json: { user_id: a!.id, kind: "group", title: "Far away", member_ids: [b!.id] }
            })
            for (const other of others)
              yield* ask("POST", "/conversations/", {
                json: { user_id: a!.id, kind: "direct", with: other.id }
              })
            yield* send(b!, a!, "the oyster")
            for (let i = 0; i < 60; i++) yield* send(b!, a!, `message ${i}`)
            const { page, complaints } = yield* openChat(server.url, [a!.id])
            const { keyboard } = page
            const focused = page.locator("*:focus")
            /** Waits until what has the focus has this text, or this label. */
            const isAt = (text: string) =>
              expect
                .poll(
                  async () => {
                    if ((await focused.count()) === 0) return ""
                    return `${await focused.textContent()} ${await focused.getAttribute("aria-label")}`
                  },
                  { timeout: 30_000 }
                )
                .toContain(text)
            yield* inPage(page, async (page) => {
              const field = page.getByLabel("Search conversations, people and messages")
              const row = page.locator(".conversation").filter({ hasText: b!.display_name })
              await row.waitFor()
              await field.focus()
              await keyboard.press("Tab")
              await isAt(b!.display_name)
              await keyboard.press("ArrowDown")
              await isAt(others.at(-1)!.display_name)
              await keyboard.press("End")
              // The row before has no messages either: only the place says which one it is.
              await expect
                .poll(() => page.locator("[aria-posinset]:has(:focus)").getAttribute("aria-posinset"), {
                  timeout: 30_000
                })
                .toMatch(/^([5-9]\d|4[1-9])$/)
              await isAt("No messages yet")
              await keyboard.press("Home")
              await isAt(b!.display_name)
              assert.strictEqual(await page.locator('.list [tabindex="0"]').count(), 1)
              assert.strictEqual(await faultsOf(page), "[]")
              await keyboard.press("Tab")
              await isAt("New chat")
              await keyboard.press("Shift+Tab")
              await keyboard.press("Enter")
              await isAt("Message to")
              await page.locator(".message").getByText("message 59").waitFor()
              await keyboard.press("Escape")
              await isAt(b!.display_name)

              await keyboard.press("n")
              await isAt("Find a user")
              await page.getByRole("dialog").getByRole("checkbox").first().check()
              await page.getByRole("button", { name: "Start chat" }).press("Enter")
              await isAt("Message to")

              // A message that was jumped to.
              await field.fill("oyster")
              await page.locator(".found button").first().press("Enter")
              await isAt("the oyster")

              // Spaces around the words are none of them.
              await field.fill(" far AWAY ")
              const results = page.getByRole("region", { name: "Search results" })
              await results.getByRole("button", { name: /Far away/ }).press("Enter")
              await isAt("Message to Far away")
              await field.fill("e")
              await expect
                .poll(() => results.locator("[data-conversation]").count(), { timeout: 30_000 })
                .toBe(20)
              await field.press("Escape")

              await page.setViewportSize({ width: 360, height: 740 })
              await page.getByRole("button", { name: "Back to the list" }).click()
              await isAt("Far away")
              await keyboard.press("Home")
              await isAt(b!.display_name)
              await keyboard.press("Enter")
              await page.locator("h2:focus").waitFor()
              await isAt(b!.display_name)
              await page.getByRole("button", { name: "Back to the list" }).click()
              await isAt(b!.display_name)
            })
            assert.deepEqual(complaints, [])
          })
      )

      it.effect("removes a member, and leaves a group, at the second click only", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* ask("POST", "/conversations/", {
            json: { user_id: a!.id, kind: "group", title: "Garden", member_ids: [b!.id] }
          })
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: /Garden/ }).click()
            await page.getByRole("button", { name: "Members" }).click()
            const dialog = page.getByRole("dialog")
            const remove = dialog.getByRole("button", { name: `Remove ${b!.display_name}` })
            const question = dialog.getByRole("group", { name: `Remove ${b!.display_name}?` })
            await remove.click()
            assert.strictEqual(await faultsOf(page), "[]")
            await page.keyboard.press("Escape")
            await question.waitFor({ state: "detached" })
            // The dialog is open still, and the focus where it was.
            await page.keyboard.press("Enter")
            await question.getByRole("button", { name: "Remove" }).click()
            await remove.waitFor({ state: "detached" })
            await question.waitFor({ state: "detached" })
            await dialog.getByRole("button", { name: "Leave the group" }).click()
            await dialog.getByRole("button", { name: "Stay" }).click()
            await dialog.getByRole("button", { name: "Leave the group" }).click()
            await dialog.getByRole("button", { name: "Leave", exact: true }).click()
            await page.getByText("No conversations yet.").waitFor()
          })
        })
      )

      it.effect("begins a new line with Enter where there is no Shift key", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page } = yield* openChat(server.url, [a!.id], { hasTouch: true, isMobile: true })
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            const text = page.getByLabel(/^Message to/)
            await text.pressSequentially("one")
            await text.press("Enter")
            await text.pressSequentially("two")
            assert.strictEqual(await text.inputValue(), "one\ntwo")
            await page.getByRole("button", { name: "Send" }).click()
            await page.locator(".message .ticks").waitFor()
            for (const name of [".history", ".list"])
              assert.strictEqual(
                await page.evaluate(
                  `getComputedStyle(document.querySelector("${name}")).overscrollBehaviorY`
                ),
                "contain"
              )
          })
        })
      )
    })
  })
})
