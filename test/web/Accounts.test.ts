import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { bearer, post } from "../security/support/Server.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startServer } from "../support/TestServer.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

const find = async (page: Page, name: string) => {
  await page.getByLabel("Find a user").fill(name)
  await page.getByRole("list", { name: "Users" }).getByRole("button", { name }).click()
}

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("who uses the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "without tokens is found by name, is remembered when the tab is closed, and may be another one in each tab",
        () =>
          Effect.gen(function* () {
            const { server, client } = yield* ChatServer
            // More than the first users that the start page shows.
            const users = yield* newUsers(103)
            const [a, b] = users.slice(-2)
            yield* send(b!, a!, "first")
            const proxy = yield* tcpProxy(new URL(server.url))
            const { page, complaints } = yield* openChat(proxy.url.href)
            yield* inPage(page, async (page) => {
              await page.getByLabel("Find a user").fill("nobody at all")
              await page.getByText("Nobody has a name that begins so.").waitFor()
              assert.strictEqual(await faultsOf(page), "[]")
              await find(page, a!.username)
              await page.getByRole("button", { name: b!.display_name }).click()
              await page.locator(".message").getByText("first").waitFor()
            })
            assert.deepEqual(complaints, [])
            yield* proxy.cut
            yield* inPage(page, async (page) => {
              await page.getByText("You are offline").waitFor()
              await write(page, "typed offline")
              await page.locator('[data-state="queued"]').getByText("typed offline").waitFor()
              await page.close()
            })
            yield* proxy.restore
            const again = yield* Effect.promise(() => page.context().newPage())
            yield* inPage(again, async (page) => {
              await page.goto(proxy.url.href)
              await page.getByRole("button", { name: b!.display_name }).click()
              await page.locator(".message", { hasText: "typed offline" }).locator(".ticks").waitFor()
            })
            const messages = yield* client.messages.history({ query: { user_id: a!.id, chat_with: b!.id } })
            assert.deepEqual(
              messages.map(({ content }) => content),
              ["typed offline", "first"]
            )
            const other = yield* Effect.promise(() => page.context().newPage())
            yield* inPage(other, async (page) => {
              await page.goto(proxy.url.href)
              await page.getByTitle("Your profile").click()
              await page.getByRole("button", { name: "Switch user" }).click()
              await page.getByLabel("Find a user").waitFor()
              await page.reload()
              await find(page, b!.username)
              await page.getByTitle("Your profile").getByText(b!.display_name).waitFor()
            })
            yield* inPage(again, async (page) => {
              await page.reload()
              await page.getByTitle("Your profile").getByText(a!.display_name).waitFor()
            })
          })
      )

      it.effect("with tokens is whose token the address gets, which ends nobody else's stay", () =>
        Effect.gen(function* () {
          const keys = yield* makeKeys()
          const { url } = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
          const service = bearer(yield* keys.mint({ scope: "service" }))
          for (const username of ["alice", "bob"]) yield* post(`${url}/users/`, { username }, service)
          const alice = yield* keys.mint({ sub: "1" })
          const bob = yield* keys.mint({ sub: "2" })
          const isOf = (page: Page, name: string) => page.getByTitle("Your profile").getByText(name).waitFor()
          const { page } = yield* openChat(url)
          yield* inPage(page, async (page) => {
            await page.getByLabel("Token").fill(alice)
            await page.getByLabel("Stay signed in").check()
            await page.getByRole("button", { name: "Sign in" }).click()
            await isOf(page, "alice")
            const second = await page.context().newPage()
            await second.goto(`${url}/#token=${bob}`)
            await isOf(second, "bob")
            const third = await page.context().newPage()
            await third.goto(url)
            await isOf(third, "alice")
            // In the page that is open already.
            await third.evaluate(`location.hash = "token=${bob}"`)
            await isOf(third, "bob")
            assert.notInclude(third.url(), bob)
            await third.evaluate('location.hash = "token=abc"')
            await third.getByRole("alert").getByText("The token is not valid.").waitFor()
            assert.strictEqual(await third.locator(".pane").count(), 0)
            assert.notInclude(third.url(), "abc")
            const fourth = await page.context().newPage()
            await fourth.goto(url)
            await isOf(fourth, "alice")
          })
        })
      )
    })
  })
})
