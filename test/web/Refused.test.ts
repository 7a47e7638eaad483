import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { until } from "../support/Until.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("what the server would refuse", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is not sent by the page when it is too long, which says by how much", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            const button = page.getByRole("button", { name: "Send" })
            const text = "😀".repeat(1000)
            await write(page, `${text}!!`)
            await page.getByText("Too long by 2 characters").waitFor()
            assert.isTrue(await button.isDisabled())
            assert.strictEqual(await faultsOf(page), "[]")
            await write(page, text)
            await page.locator(".message .ticks").waitFor()
            assert.strictEqual(await page.getByText("Too long").count(), 0)
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("is not asked for again and again when it is a mark of what was read", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "first")
          const marks: Array<number> = []
          const before = (page: Page) =>
            page.route("**/read", (route) => {
              marks.push(route.request().postDataJSON().message_id)
              return route.fulfill({
                status: 403,
                contentType: "application/problem+json",
                body: JSON.stringify({ type: "urn:minichat:problem:not-member" })
              })
            })
          const { page } = yield* openChat(server.url, [a!.id], { before })
          const message = page.locator(".message")
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await message.getByText("first").waitFor()
          })
          for (const text of ["second", "third", "fourth", "last"]) {
            const { id } = yield* send(b!, a!, text)
            yield* inPage(page, () => message.getByText(text).waitFor())
            yield* until(Effect.sync(() => marks.includes(id)))
          }
          assert.deepEqual(marks, [...new Set(marks)])
        })
      )

      it.effect(
        "stands at its message when it is an edit or a reaction, to be tried again or discarded",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            yield* send(b!, a!, "hello")
            const { page } = yield* openChat(server.url, [a!.id])
            const ours = page.locator(".message", { hasText: "Helo" })
            yield* inPage(page, async (page) => {
              await page.getByRole("button", { name: b!.display_name }).click()
              await write(page, "Helo")
              await ours.locator(".ticks").waitFor()
            })
            const block = `/users/${b!.id}/blocks/${a!.id}`
            yield* ask("PUT", block)
            yield* inPage(page, async (page) => {
              await page.getByLabel(/^Message to/).press("ArrowUp")
              await write(page, "Hello")
              await ours.getByText("Not changed to “Hello”: This person does not take messages").waitFor()
              await ours.hover()
              await page.getByRole("button", { name: "React with 👍" }).click()
              const reaction = ours.getByRole("alert").filter({ hasText: "👍 not added: " })
              await reaction.waitFor()
              assert.strictEqual(await faultsOf(page), "[]")
              await reaction.getByRole("button", { name: "Discard" }).click()
              await reaction.waitFor({ state: "detached" })
            })
            yield* ask("DELETE", block)
            yield* inPage(page, async (page) => {
              await ours.getByRole("button", { name: "Try again" }).click()
              await page.locator(".message", { hasText: "Hello" }).getByText("edited").waitFor()
              assert.strictEqual(await page.getByRole("alert").count(), 0)
            })
          })
      )
    })
  })
})
