import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("people on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("a person finds another one and a message by words, and jumps to it", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b, c] = yield* newUsers(3)
          yield* send(b!, a!, "The password is swordfish")
          for (let i = 0; i < 60; i++) yield* send(b!, a!, `message ${i}`)
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          const faults = yield* inPage(page, async (page) => {
            const field = page.getByLabel("Search conversations, people and messages")
            await field.fill(c!.username.slice(0, 12).toUpperCase())
            const results = page.getByRole("region", { name: "Search results" })
            await results.getByRole("button", { name: c!.username }).click()
            await page.getByLabel(/^Message to/).waitFor()

            await field.fill("password sword")
            await results.getByRole("button", { name: /swordfish/ }).waitFor()
            const faults = await faultsOf(page)
            await results.getByRole("button", { name: /swordfish/ }).click()
            const found = page.locator('.message[data-target="true"]')
            await found.getByText("swordfish").waitFor()
            const box = await found.boundingBox()
            assert.isAtLeast(box!.y, 0)
            assert.isAtMost(box!.y + box!.height, page.viewportSize()!.height)
            await field.press("Escape")
            assert.strictEqual(await field.inputValue(), "")
            return faults
          })
          assert.strictEqual(faults, "[]")
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("a person sees who is online, and when they were last; without a connection neither", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openChat(proxy.url.href, [a!.id])
          const other = yield* openChat(server.url, [b!.id])
          const about = page.locator(".main .about")
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await about.getByText("Online", { exact: true }).waitFor()
          })
          yield* inPage(other.page, (page) => page.close())
          yield* inPage(page, () => about.getByText(/^Last seen today, \d/).waitFor())
          yield* proxy.cut
          yield* inPage(page, async (page) => {
            await page.getByText("You are offline").waitFor()
            assert.strictEqual((await about.textContent())!.trim(), "")
          })
        })
      )

      it.effect("who is blocked cannot write until it is taken back", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page } = yield* openChat(server.url, [a!.id])
          const other = yield* openChat(server.url, [b!.id])
          const faults = yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.getByRole("button", { name: `About ${b!.display_name}` }).click()
            const dialog = page.getByRole("dialog")
            await dialog.getByRole("button", { name: `Block ${b!.display_name}` }).click()
            await dialog.getByRole("button", { name: "Unblock" }).waitFor()
            const faults = await faultsOf(page)
            await dialog.getByRole("button", { name: "Close" }).click()
            await page.getByText(`You have blocked ${b!.display_name}.`).waitFor()
            assert.strictEqual(await page.getByLabel(/^Message to/).count(), 0)
            return faults
          })
          assert.strictEqual(faults, "[]")
          yield* inPage(other.page, async (page) => {
            await page.getByRole("button", { name: a!.display_name }).click()
            await write(page, "are you there?")
            await page.locator('[data-state="failed"]').getByText("are you there?").waitFor()
          })
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: "Unblock" }).click()
            await page.getByLabel(/^Message to/).waitFor()
          })
        })
      )

      it.effect(
        "a person changes their name: their other device and the other person see it at once, who reports a message",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            yield* send(b!, a!, "buy my coins")
            const { page, complaints } = yield* openChat(server.url, [a!.id])
            const other = yield* openChat(server.url, [b!.id])
            const device = yield* openChat(server.url, [b!.id])
            yield* inPage(device.page, (page) =>
              page.getByTitle("Your profile").getByText(b!.username).waitFor()
            )
            yield* inPage(other.page, async (page) => {
              await page.getByTitle("Your profile").click()
              await page.getByLabel("Name that others see").fill("Bob the Seller")
              await page.getByRole("button", { name: "Save" }).click()
              await page.getByTitle("Your profile").getByText("Bob the Seller").waitFor()
            })
            yield* inPage(device.page, (page) =>
              page.getByTitle("Your profile").getByText("Bob the Seller").waitFor()
            )
            yield* inPage(page, async (page) => {
              await page.getByRole("button", { name: /Bob the Seller/ }).click()
              await page.locator(".message").getByText("buy my coins").hover()
              await page.getByRole("button", { name: "Report" }).click()
              const dialog = page.getByRole("dialog")
              await dialog.getByLabel(/What is wrong/).fill("Spam")
              await dialog.getByRole("button", { name: "Report" }).click()
              await dialog.getByText("The moderators have it now").waitFor()
            })
            const { json } = yield* ask("GET", "/reports/")
            assert.deepInclude(json.reports.at(-1), { reporter_id: a!.id, reason: "Spam" })
            assert.deepEqual(complaints, [])
          })
      )
    })
  })
})
