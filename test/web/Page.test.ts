import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { brotliCompressSync } from "node:zlib"
import { assert, describe, layer, it as plain } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { startServer } from "../support/TestServer.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

const ROOT = join(import.meta.dirname, "../..")
const BUILT = join(ROOT, "dist/web")

/** What a first visit may load, in KiB of brotli. */
const FIRST_LOAD = 85

plain("the page is small enough", () => {
  const sizes = ["index.html", "page/app.js", "page/app.css"].map(
    (name) => brotliCompressSync(readFileSync(join(BUILT, name))).length / 1024
  )
  assert.isBelow(
    sizes.reduce((sum, size) => sum + size),
    FIRST_LOAD
  )
})

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("GET /", () => {
    it.effect.each([undefined, "application/json", "*/*", "text/html;q=0"])("is JSON for %s", (accept) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { json } = yield* ask("GET", "/", accept === undefined ? {} : { headers: { accept } })
        assert.strictEqual(json.message, "Mini Chat")
      })
    )

    it.effect("is the page for a browser, which may run its own script and nothing else", () =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { headers } = yield* ask("GET", "/", {
          headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" }
        })
        const policy = headers.get("content-security-policy")!
        assert.strictEqual(headers.get("content-type"), "text/html; charset=utf-8")
        assert.include(headers.get("vary"), "accept,")
        for (const part of [
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "connect-src 'self'",
          "img-src 'self' https: data:",
          "require-trusted-types-for 'script'"
        ])
          assert.include(policy.split("; "), part)
      })
    )

    it.effect("is JSON for everybody with PAGE=off, and there is no script", () =>
      Effect.gen(function* () {
        const { url } = yield* startServer({ ...(yield* freshEmbedded), page: "off" })
        const answers = yield* Effect.promise(() =>
          Promise.all(
            ["/", "/page/app.js"].map((path) => fetch(url + path, { headers: { accept: "text/html" } }))
          )
        )
        assert.include(answers[0]!.headers.get("content-type"), "application/json")
        assert.strictEqual(answers[1]!.status, 404)
      })
    )
  })

  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("two users of one window chat", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const { page, complaints } = yield* openChat(server.url)
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: "Make two users" }).click()
            const panes = page.locator(".pane")
            await write(page, "Hello, <b>Bob</b>! https://example.com/x.", 0)
            await panes.nth(1).locator(".message").getByText("<b>Bob</b>").waitFor()
            await write(page, "Hello back", 1)
            await panes.nth(0).locator(".message").getByText("Hello back").waitFor()
            await panes.nth(0).locator('.ticks[data-read="true"]').waitFor()
            const link = panes.nth(1).locator(".message a")
            assert.strictEqual(await link.getAttribute("href"), "https://example.com/x")
            assert.strictEqual(await link.getAttribute("rel"), "noopener noreferrer nofollow")
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect(
        "a group of three sees what one writes, reacts to it and edits it, and its author sees who has read it",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b, c] = yield* newUsers(3)
            const one = yield* openChat(server.url, [a!.id])
            const others = [yield* openChat(server.url, [b!.id]), yield* openChat(server.url, [c!.id])]
            yield* inPage(one.page, async (page) => {
              await page.getByRole("button", { name: "New chat" }).first().click()
              const dialog = page.getByRole("dialog")
              await dialog.getByRole("checkbox", { name: b!.display_name }).check()
              await dialog.getByRole("checkbox", { name: c!.display_name }).check()
              await dialog.getByLabel("Name of the group").fill("Three")
              await dialog.getByRole("button", { name: "Make a group of 3" }).click()
              await write(page, "Hello, both")
            })
            for (const { page } of others)
              yield* inPage(page, async (page) => {
                await page.getByRole("button", { name: /Three/ }).click()
                await page.locator(".message").getByText("Hello, both").hover()
                await page.getByRole("button", { name: "React with 👍" }).click()
              })
            yield* inPage(one.page, async (page) => {
              await page.getByRole("button", { name: "👍 2", exact: true }).waitFor()
              await page.getByLabel(/^Message to/).press("ArrowUp")
              await write(page, "Hello, all")
            })
            for (const { page } of others)
              yield* inPage(page, (page) => page.locator(".message").getByText("Hello, all").waitFor())
            const late = others[1]!
            yield* inPage(late.page, async (page) => {
              // Away from the text, Escape leads back to the list.
              await page.getByRole("button", { name: "Shortcuts" }).focus()
              await page.keyboard.press("Escape")
            })
            yield* inPage(one.page, async (page) => {
              await write(page, "Who comes?")
              const message = page.locator(".message", { hasText: "Who comes?" })
              await message.getByText(", read by 1").waitFor({ state: "attached" })
              await message.hover()
              await page.getByRole("button", { name: "Who has read it" }).click()
              const dialog = page.getByRole("dialog")
              const listed = (title: string) => dialog.getByRole("list", { name: title, exact: true })
              await listed("Read").getByText(b!.display_name).waitFor()
              await listed("Not read").getByText(c!.display_name).waitFor()
              assert.strictEqual(await faultsOf(page), "[]")
            })
            yield* inPage(late.page, (page) => page.getByRole("button", { name: /Three/ }).click())
            yield* inPage(one.page, async (page) => {
              await page.getByRole("list", { name: "Read", exact: true }).getByText(c!.display_name).waitFor()
              assert.strictEqual(await page.getByRole("list", { name: "Not read" }).count(), 0)
            })
            for (const { complaints } of [one, ...others]) assert.deepEqual(complaints, [])
          })
      )

      it.effect("what is written without a connection is sent once, after a reload", () =>
        Effect.gen(function* () {
          const { server, client } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "first")
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openChat(proxy.url.href, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").getByText("first").waitFor()
          })
          yield* proxy.cut
          yield* inPage(page, async (page) => {
            await page.getByText("You are offline").waitFor()
            await write(page, "typed offline")
            await page.locator('[data-state="queued"]').getByText("typed offline").waitFor()
            await page.getByText("1 message waits").waitFor()
          })
          yield* proxy.restore
          yield* inPage(page, async (page) => {
            await page.reload()
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message .ticks").waitFor()
          })
          const messages = yield* client.messages.history({ query: { user_id: a!.id, chat_with: b!.id } })
          assert.deepEqual(
            messages.map(({ content }) => content),
            ["typed offline", "first"]
          )
        })
      )

      it.effect("what waits stands as it will once it is sent, with what it answers", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "Shall we meet?")
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openChat(proxy.url.href, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await write(page, "Yes")
            await page.locator(".message .ticks").waitFor()
            await page.getByText("Shall we meet?").last().hover()
            await page.getByRole("button", { name: "Reply" }).click()
          })
          yield* proxy.cut
          const message = page.locator(".message").filter({ hasText: "At nine" })
          const place = async () => {
            const { y, height } = (await message.boundingBox())!
            return { y, height, quote: await message.locator(".quote").textContent() }
          }
          const waiting = yield* inPage(page, async (page) => {
            await page.getByText("You are offline").waitFor()
            await write(page, "At nine")
            await page.locator('[data-state="queued"]').waitFor()
            return place()
          })
          yield* proxy.restore
          const sent = yield* inPage(page, async (page) => {
            // As a browser says it: the client connects at once.
            await page.evaluate("dispatchEvent(new Event('online'))")
            await message.locator(".ticks").waitFor()
            await page.locator(".banner").waitFor({ state: "detached" })
            return place()
          })
          assert.strictEqual(sent.quote, `${b!.display_name}: Shall we meet?`)
          assert.deepEqual(sent, waiting)
        })
      )

      it.effect.each(["light", "dark"] as const)("has no fault that axe finds, in %s", (colorScheme) =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          // Of six one after the other, each name has a colour of its own.
          const [a, b, ...others] = yield* newUsers(8)
          yield* send(b!, a!, "Look: https://example.com")
          const { json: group } = yield* ask("POST", "/conversations/", {
            json: { user_id: a!.id, kind: "group", title: "Six", member_ids: others.map(({ id }) => id) }
          })
          for (const { id } of others)
            yield* ask("POST", "/messages/", {
              json: { sender_id: id, conversation_id: group.id, content: "hello" }
            })
          const start = yield* openChat(server.url, [], { colorScheme })
          const chat = yield* openChat(server.url, [a!.id], { colorScheme })
          const found = [
            yield* inPage(start.page, async (page) => {
              await page.locator(".person").first().waitFor()
              return faultsOf(page)
            }),
            yield* inPage(chat.page, async (page) => {
              await page.getByRole("button", { name: b!.display_name }).click()
              await page.locator(".message").first().waitFor()
              return faultsOf(page)
            }),
            yield* inPage(chat.page, async (page) => {
              await page.getByRole("button", { name: /Six/ }).click()
              await page.locator(".author").nth(5).waitFor()
              return faultsOf(page)
            }),
            yield* inPage(chat.page, async (page) => {
              await page.getByRole("button", { name: "New chat" }).click()
              await page.locator("dialog .person").first().waitFor()
              return faultsOf(page)
            })
          ]
          assert.deepEqual(found, ["[]", "[]", "[]", "[]"])
        })
      )
    })
  })
})
