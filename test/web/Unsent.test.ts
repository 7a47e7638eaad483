import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("what was not sent", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "is counted above the list of a phone and marked in it, and is at hand when its group is lost",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const [a, b, owner, other] = yield* newUsers(4)
            yield* send(b!, a!, "hello")
            const { json: group } = yield* ask("POST", "/conversations/", {
              json: { user_id: owner!.id, kind: "group", title: "Garden", member_ids: [a!.id] }
            })
            const proxy = yield* tcpProxy(new URL(server.url))
            const { page } = yield* openChat(proxy.url.href, [a!.id])
            const row = (name: string) => page.locator(".conversation").filter({ hasText: name })
            const back = page.getByRole("button", { name: "Back to the list" })
            const banner = page.locator(".banner")
            yield* inPage(page, async (page) => {
              await page.setViewportSize({ width: 360, height: 740 })
              await row(b!.display_name).waitFor()

              // A person whose chat cannot be started: the list says why, and keeps the words.
              await page.route(/\/conversations\/$/, (route) => route.abort())
              const field = page.getByLabel("Search conversations, people and messages")
              await field.fill(other!.username)
              await page.locator(".list").getByRole("button", { name: other!.display_name }).click()
              await page.getByRole("alert").getByText("does not answer").waitFor()
              assert.strictEqual(await field.inputValue(), other!.username)
              await page.getByRole("button", { name: "Dismiss" }).click()
              await page.unroute(/\/conversations\/$/)
              await field.press("Escape")
              await row("Garden").click()
              await page.locator(".hint").getByText("Nothing here yet").waitFor()
            })
            yield* proxy.cut
            yield* inPage(page, async (page) => {
              await banner.getByText("You are offline").waitFor()
              await page.getByLabel(/^Message to/).fill("to the garden")
              await page.getByRole("button", { name: "Send" }).click()
              await page.locator('[data-state="queued"]').getByText("to the garden").waitFor()
              await back.click()
              await banner.getByText("1 message waits to be sent.").waitFor()
              await row("Garden").getByText("Waiting: to the garden").waitFor()
              assert.strictEqual(await faultsOf(page), "[]")
            })
            yield* ask("DELETE", `/conversations/${group.id}/members/${a!.id}?user_id=${owner!.id}`)
            yield* ask("PUT", `/users/${b!.id}/blocks/${a!.id}`)
            yield* proxy.restore
            yield* inPage(page, async (page) => {
              // As a browser says it: the client connects at once.
              await page.evaluate("dispatchEvent(new Event('online'))")
              await banner.getByText("1 message was not sent.").waitFor()
              await row("Garden").waitFor({ state: "detached" })
              await row(b!.display_name).click()
              await write(page, "to nobody")
              await page.locator('[data-state="failed"]').getByText("to nobody").waitFor()
              // It stands in the open conversation: that one is not counted.
              await banner.getByText("1 message was not sent.").waitFor()
              await back.click()
              await banner.getByText("2 messages were not sent.").waitFor()
              await row(b!.display_name).getByText("Not sent: to nobody").waitFor()
              assert.strictEqual(await faultsOf(page), "[]")

              await banner.getByRole("button", { name: "Show" }).click()
              await page.getByText("You are no longer in this conversation").waitFor()
              const lost = page.locator('.unsent [data-state="failed"]')
              await lost.getByText("to the garden").waitFor()
              assert.strictEqual(await faultsOf(page), "[]")
              await lost.getByRole("button", { name: "Try again" }).waitFor()
              await lost.getByRole("button", { name: "Discard" }).click()
              await lost.waitFor({ state: "detached" })
              await banner.getByRole("button", { name: "Show" }).click()
              await page.locator('.history [data-state="failed"]').getByText("to nobody").waitFor()
              await banner.waitFor({ state: "detached" })
              await back.click()
            })
            yield* ask("PUT", `/users/${a!.id}/suspension`)
            yield* inPage(page, async () => {
              await banner.getByText("Your account is suspended.").waitFor()
              await banner.getByRole("button", { name: "Sign in again" }).waitFor()
            })
          })
      )
    })
  })
})
