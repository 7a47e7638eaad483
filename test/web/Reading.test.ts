import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** Of the topmost message that is wholly in sight: which one it is, and how far below the top edge it stands. */
const TOPMOST = `(() => {
  const box = document.querySelector(".history").getBoundingClientRect()
  const all = [...document.querySelectorAll("[data-message]")]
  const shown = all.find((message) => message.getBoundingClientRect().top >= box.top)
  return { id: shown.dataset.message, top: Math.round(shown.getBoundingClientRect().top - box.top), count: all.length }
})()`
const topOf = (id: string) =>
  `Math.round(document.querySelector('[data-message="${id}"]').getBoundingClientRect().top - document.querySelector(".history").getBoundingClientRect().top)`

layer(ChatServer.layer, { excludeTestServices: true })("the page", (it) => {
  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("keeps what is read in its place while older messages are loaded above it", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* Effect.forEach(
            Array.from({ length: 160 }, (_, i) => `message ${i} ${"long ".repeat((i * 7) % 40)}`),
            (text) => send(b!, a!, text),
            { concurrency: 1 }
          )
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").getByText("message 159").waitFor()
            const messages = page.locator("[data-message]")
            for (const loaded of [50, 100, 150]) {
              await messages.nth(loaded - 1).waitFor({ state: "attached" })
              // As near to the top as makes it load more; the page is asked in the same turn where its messages stand.
              const before = await page.evaluate<{ id: string; top: number; count: number }>(
                `(() => { document.querySelector(".history").scrollTop = 200; return ${TOPMOST} })()`
              )
              await messages.nth(before.count).waitFor({ state: "attached" })
              assert.approximately(await page.evaluate<number>(topOf(before.id)), before.top, 1)
            }
            assert.strictEqual(await messages.count(), 160)
          })
        })
      )

      it.effect("says the same of what is unread on two devices", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "one")
          const devices = [yield* openChat(server.url, [a!.id]), yield* openChat(server.url, [a!.id])]
          for (const { page } of devices) yield* inPage(page, (page) => page.getByText("1 unread").waitFor())
          yield* send(b!, a!, "two")
          for (const { page } of devices) yield* inPage(page, (page) => page.getByText("2 unread").waitFor())
          yield* inPage(devices[0]!.page, (page) =>
            page.getByRole("button", { name: b!.display_name }).click()
          )
          for (const { page } of devices)
            yield* inPage(page, (page) => page.locator(".count").waitFor({ state: "detached" }))
          for (const { complaints } of devices) assert.deepEqual(complaints, [])
        })
      )

      it.effect("in two tabs shows what waits in both, and sends it once", () =>
        Effect.gen(function* () {
          const { server, client } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "first")
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openChat(proxy.url.href, [a!.id])
          const other = yield* Effect.promise(async () => {
            const other = await page.context().newPage()
            await other.goto(proxy.url.href)
            return other
          })
          for (const tab of [page, other])
            yield* inPage(tab, async (tab) => {
              await tab.getByRole("button", { name: b!.display_name }).click()
              await tab.locator(".message").getByText("first").waitFor()
            })
          yield* proxy.cut
          yield* inPage(page, (page) => page.getByText("You are offline").waitFor())
          const texts = ["from one", "from the other", "from one again"]
          for (const [text, tab] of texts.map((text, i) => [text, i % 2 === 0 ? page : other] as const))
            yield* inPage(tab, async (tab) => {
              await write(tab, text)
              for (const each of [page, other])
                await each.locator('[data-state="queued"]').getByText(text, { exact: true }).waitFor()
            })
          yield* proxy.restore
          for (const tab of [page, other])
            yield* inPage(tab, async (tab) => {
              await tab
                .getByRole("button", { name: "Connect now" })
                .click({ timeout: 5000 })
                .catch(() => {})
              await tab.locator("[data-state]").first().waitFor({ state: "detached" })
              await tab.locator(".message").nth(3).waitFor()
              assert.strictEqual(await tab.locator(".message").count(), 4)
            })
          const messages = yield* client.messages.history({ query: { user_id: a!.id, chat_with: b!.id } })
          assert.deepEqual(
            messages.map(({ content }) => content),
            [...texts.toReversed(), "first"]
          )
        })
      )
    })
  })
})
