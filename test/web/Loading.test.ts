import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** How many conversations the page loads at first. */
const FIRST_PAGE = 50

const newGroup = Effect.fnUntraced(function* (memberIds: ReadonlyArray<number>) {
  const { ask } = yield* ChatServer
  const [user_id, ...member_ids] = memberIds
  const { json } = yield* ask("POST", "/conversations/", {
    json: { user_id, kind: "group", title: "Garden", member_ids }
  })
  return json as { readonly id: number }
})

/** Holds back the answers to some requests of a page until it is told to let them go. */
const holding = async (page: Page, requests: RegExp) => {
  let letGo = () => {}
  const isOver = new Promise<void>((resolve) => {
    letGo = resolve
  })
  await page.route(requests, async (route) => {
    await isOver
    await route.continue()
  })
  return letGo
}

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("what is not loaded yet", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("the members of a group that was found are loaded, and until then nobody is added", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b, ...others] = yield* newUsers(FIRST_PAGE + 2)
          yield* ask("PATCH", `/users/${b!.id}`, { json: { display_name: "Person B" } })
          const { id } = yield* newGroup([a!.id, b!.id])
          for (const [sender, content] of [
            [b, "who waters the beans?"],
            [a, "I do"]
          ] as const)
            yield* ask("POST", "/messages/", {
              json: { sender_id: sender!.id, conversation_id: id, content }
            })
          // It is not among the first conversations of the list.
          for (const other of others) yield* send(other, a!, "hello")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            const letGo = await holding(page, /\/members\?/)
            await page.locator(".conversation").first().waitFor()
            await page.getByLabel(/^Search/).fill("beans")
            await page.getByRole("button", { name: /who waters the beans/ }).click()
            await page.getByRole("button", { name: "Members" }).click()
            const dialog = page.getByRole("dialog")
            await dialog.getByText("Loading the members").waitFor()
            assert.strictEqual(await dialog.getByLabel("Find a user to add").count(), 0)
            await page.keyboard.press("Escape")
            await page.locator(".message").getByText("I do").hover()
            await page.getByRole("button", { name: "Who has read it" }).click()
            await dialog.getByText("Loading the members").waitFor()
            letGo()
            await dialog.getByText("Person B").waitFor()
            await page.keyboard.press("Escape")
            await page.locator(".author").getByText("Person B").waitFor()
            await page.getByRole("button", { name: "Members" }).click()
            await dialog.getByLabel("Find a user to add").waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("who was found for other words is not offered to be added", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b, c] = yield* newUsers(3)
          yield* ask("POST", "/conversations/", {
            json: { user_id: a!.id, kind: "group", title: "Garden", member_ids: [] }
          })
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: /Garden/ }).click()
            await page.getByRole("button", { name: "Members" }).click()
            const dialog = page.getByRole("dialog")
            const found = dialog.getByRole("list", { name: "Users to add" }).getByRole("listitem")
            const field = dialog.getByLabel("Find a user to add")
            await field.fill(b!.username.slice(0, -1))
            await found.getByText(b!.display_name).waitFor()
            // What is typed on stays found meanwhile.
            const letGo = await holding(page, /\/users\/\?/)
            await field.fill(b!.username)
            assert.strictEqual(await found.count(), 1)
            await field.fill(c!.username)
            assert.strictEqual(await found.count(), 0)
            letGo()
            await found.getByText(c!.display_name).waitFor()
          })
        })
      )

      it.effect("a group that its user is removed from says so, and is there again when they are added", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          const { id } = yield* newGroup([a!.id, b!.id])
          yield* ask("POST", "/messages/", {
            json: { sender_id: a!.id, conversation_id: id, content: "who waters the beans?" }
          })
          const { page } = yield* openChat(server.url, [b!.id])
          const message = page.locator(".message").getByText("who waters the beans?")
          const membership = `/conversations/${id}/members/${b!.id}`
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: /Garden/ }).click()
            await message.waitFor()
          })
          yield* ask("DELETE", `${membership}?user_id=${a!.id}`)
          yield* inPage(page, (page) => page.getByText("You are no longer in this conversation").waitFor())
          yield* ask("PUT", membership, { json: { user_id: a!.id } })
          yield* inPage(page, () => message.waitFor())
          yield* ask("DELETE", `${membership}?user_id=${a!.id}`)
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: "Back to the list" }).click()
            await page.getByText("Choose a conversation").waitFor()
          })
        })
      )

      it.effect("who is blocked is not offered to be blocked", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          yield* ask("PUT", `/users/${a!.id}/blocks/${b!.id}`)
          let letGo = () => {}
          const { page, complaints } = yield* openChat(server.url, [a!.id], {
            before: async (page) => {
              // Those that the client loads at its start; the dialog's own request has no limit.
              letGo = await holding(page, /\/blocks\?limit=/)
            }
          })
          yield* inPage(page, async (page) => {
            const dialog = page.getByRole("dialog")
            await page.getByTitle("Your profile").click()
            await page.getByRole("button", { name: "Show blocked people" }).click()
            await dialog.getByRole("button", { name: `Unblock ${b!.display_name}` }).waitFor()
            await page.keyboard.press("Escape")
            await dialog.getByText("Your profile").waitFor()
            await page.keyboard.press("Escape")
            await dialog.waitFor({ state: "detached" })
            await page.getByRole("button", { name: b!.display_name }).first().click()
            await page.getByRole("button", { name: `About ${b!.display_name}` }).click()
            assert.isTrue(await dialog.getByRole("button", { name: `Block ${b!.display_name}` }).isDisabled())
            letGo()
            await dialog.getByRole("button", { name: "Unblock" }).waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("a profile that is refused is not waited for", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a] = yield* newUsers(1)
          const { page } = yield* openChat(server.url, [a!.id], {
            before: (page) =>
              page.route(/\/users\/\d+$/, (route) =>
                route.fulfill({
                  status: 403,
                  contentType: "application/problem+json",
                  body: '{"type":"urn:minichat:problem:forbidden","title":"Forbidden","status":403}'
                })
              )
          })
          yield* inPage(page, async (page) => {
            await page.getByTitle("Your profile").click()
            await page.getByRole("dialog").getByText("Your profile could not be loaded.").waitFor()
          })
        })
      )

      it.effect(
        "without a connection a chat is not started and a group not left, and the dialog says so",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            yield* newGroup([a!.id, b!.id])
            const proxy = yield* tcpProxy(new URL(server.url))
            const { page } = yield* openChat(proxy.url.href, [a!.id])
            const dialog = page.getByRole("dialog")
            yield* inPage(page, async (page) => {
              await page.getByRole("button", { name: /Garden/ }).click()
              await page.getByRole("button", { name: "New chat" }).first().click()
              await dialog.getByRole("checkbox", { name: b!.display_name }).check()
            })
            yield* proxy.cut
            yield* inPage(page, async (page) => {
              await dialog.getByRole("button", { name: "Start chat" }).click()
              await dialog.getByRole("alert").getByText("does not answer").waitFor()
              await page.keyboard.press("Escape")
              await page.getByRole("button", { name: "Members" }).click()
              await dialog.getByRole("button", { name: "Leave the group" }).click()
              await dialog.getByRole("button", { name: "Leave", exact: true }).click()
              await dialog.getByRole("alert").getByText("does not answer").waitFor()
              await page.keyboard.press("Escape")
              // What goes through the outbox works all the same.
              await write(page, "still here")
              await page.locator('[data-state="queued"]').getByText("still here").waitFor()
            })
          })
      )
    })
  })
})
