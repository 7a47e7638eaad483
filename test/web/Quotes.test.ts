import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Locator, Page } from "playwright-core"
import { expect } from "vitest"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

/** A conversation in which the first message is answered by the last one, with so many between them. */
const answered = Effect.fnUntraced(function* (author: User, other: User, between: number) {
  const { ask } = yield* ChatServer
  const { id } = yield* send(author, other, "Where is the oyster?")
  for (let i = 0; i < between; i++) yield* send(author, other, `message ${i}`)
  yield* ask("POST", "/messages/", {
    json: { sender_id: other.id, receiver_id: author.id, content: "In the bay", reply_to_id: id }
  })
  return {
    edit: (content: string) => ask("PATCH", `/messages/${id}`, { json: { user_id: author.id, content } }),
    remove: ask("DELETE", `/messages/${id}?user_id=${author.id}`)
  }
})

const openWith = (page: Page, user: User) => page.getByRole("button", { name: user.display_name }).click()

const reply = (page: Page) => page.locator(".message", { hasText: "In the bay" })

/** Clicks until a click arrives: while the list is scrolled, as when it is opened, its items take none. */
const clickOnQuote = async (page: Page) => {
  await page.evaluate(`addEventListener("click", ({ target }) => {
    if (target.closest(".quote") !== null) globalThis.isClicked = true
  })`)
  await expect
    .poll(
      async () => {
        await reply(page).locator(".quote").click()
        return page.evaluate("globalThis.isClicked")
      },
      { timeout: 30_000 }
    )
    .toBe(true)
}

/** Waits until all of an element is in sight in the history. */
const isInSight = (message: Locator) =>
  expect
    .poll(
      () =>
        message.evaluate((element) => {
          const { top, bottom } = element.getBoundingClientRect()
          const box = element.closest(".history")!.getBoundingClientRect()
          return top >= box.top && bottom <= box.bottom
        }),
      { timeout: 30_000 }
    )
    .toBe(true)

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("a quote on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect.each([
        ["that is loaded", 40],
        ["that is not loaded", 160]
      ] as const)("leads to the message %s, marks it, takes the focus there, and back", ([, between]) =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* answered(a!, b!, between)
          const { page, complaints } = yield* openChat(server.url, [b!.id])
          const quoted = page.locator('.message[data-target="true"]')
          const newest = page.getByRole("button", { name: "Newest" })
          /** Waits until the quoted message is in sight, marked, and has the focus. */
          const isThere = async () => {
            await quoted.getByText("Where is the oyster?").waitFor()
            await isInSight(quoted)
            await expect
              .poll(() => quoted.evaluate((element) => element.matches(":focus")), { timeout: 30_000 })
              .toBe(true)
            assert.strictEqual(await quoted.count(), 1)
          }
          yield* inPage(page, async (page) => {
            const asked: Array<string> = []
            page.on("request", (request) => {
              if (request.url().includes("/messages/?")) asked.push(request.url())
            })
            await openWith(page, a!)
            await isInSight(reply(page))
            assert.strictEqual(await page.getByText("message 0", { exact: true }).count(), 0)
            await clickOnQuote(page)
            await isThere()
            assert.strictEqual(asked.length > 1, between > 50, asked.join())
            // From there the arrow goes on.
            await page.keyboard.press("ArrowDown")
            await page.locator(".message:focus").getByText("message 0", { exact: true }).waitFor()

            await newest.click()
            await isInSight(reply(page))
            await newest.waitFor({ state: "detached" })
            // The same once more, from the keyboard.
            await reply(page).locator(".quote").press("Enter")
            await isThere()
          })
          yield* send(a!, b!, "Thank you")
          yield* inPage(page, async (page) => {
            await page.locator(".preview").getByText("Thank you").waitFor()
            await isThere()
            await newest.press("Enter")
            await isInSight(page.locator(".message", { hasText: "Thank you" }))
            await newest.waitFor({ state: "detached" })
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect.each([
        ["is loaded", 3],
        ["is not loaded", 60]
      ] as const)(
        "of a message that %s says what it says now, and nothing once it is deleted",
        ([, between]) =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            const message = yield* answered(a!, b!, between)
            const pages = [
              yield* openChat(server.url, [a!.id]),
              yield* openChat(server.url, [b!.id])
            ] as const
            const context = pages[0].page.locator(".composer .context")
            for (const [i, { page }] of pages.entries())
              yield* inPage(page, (page) => openWith(page, i === 0 ? b! : a!))
            const says = (text: string) =>
              Effect.forEach(pages, ({ page }, i) =>
                inPage(page, async (page) => {
                  const quote = `${i === 0 ? "You" : a!.display_name}: ${text}`
                  const told = reply(page).locator(".quote")
                  await expect.poll(() => told.textContent(), { timeout: 30_000 }).toBe(quote)
                })
              )
            yield* says("Where is the oyster?")
            // An answer to it that is being written.
            yield* inPage(pages[0].page, async (page) => {
              if (between > 50) return
              await page.locator(".message", { hasText: "oyster" }).first().press("r")
              await context.getByText("Reply to You: Where is the oyster?").waitFor()
            })
            yield* message.edit("Where is the pearl?")
            yield* says("Where is the pearl?")
            yield* message.remove
            yield* says("Deleted message")
            for (const { page } of pages)
              yield* inPage(page, async (page) => {
                const isGone = async () =>
                  assert.notMatch((await page.locator("body").textContent())!, /oyster|pearl/)
                await isGone()
                await page.reload()
                await page.locator(".conversation").click()
                await reply(page).locator(".quote").getByText("Deleted message").waitFor()
                await isGone()
                await reply(page).locator(".quote").press("Enter")
                await page.locator('.message[data-target="true"] .gone').waitFor()
                await isGone()
              })
            for (const { complaints } of pages) assert.deepEqual(complaints, [])
          })
      )
    })
  })
})
