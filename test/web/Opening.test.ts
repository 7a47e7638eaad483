import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

const newGroup = Effect.fnUntraced(function* (title: string, [owner, ...others]: ReadonlyArray<User>) {
  const { ask } = yield* ChatServer
  const { json } = yield* ask("POST", "/conversations/", {
    json: { user_id: owner!.id, kind: "group", title, member_ids: others.map(({ id }) => id) }
  })
  const write = (user: User, content: string) =>
    ask("POST", "/messages/", { json: { sender_id: user.id, conversation_id: json.id, content } })
  const remove = (user: User) =>
    ask("DELETE", `/conversations/${json.id}/members/${user.id}?user_id=${owner!.id}`)
  return { write, remove }
})

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("a conversation that is opened", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("leaves no dialog of a group that its user was removed from, and no error of before", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const users = yield* newUsers(3)
          const [owner, member] = users
          const first = yield* newGroup("Hikers", users)
          const second = yield* newGroup("Divers", users)
          yield* first.write(owner!, "at nine")
          yield* second.write(owner!, "at ten")
          const { page } = yield* openChat(server.url, [member!.id])
          const dialog = page.getByRole("dialog")
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: /Hikers/ }).click()
            await page.getByRole("button", { name: "Members" }).click()
            // A dialog over that one: the one below must not come back either.
            await dialog.getByRole("button", { name: owner!.display_name }).click()
            await dialog.getByRole("button", { name: /^Block/ }).waitFor()
          })
          yield* first.remove(member!)
          yield* inPage(page, async (page) => {
            await page.getByText("You are no longer in this conversation").waitFor({ state: "attached" })
            await page.keyboard.press("Escape")
            await dialog.waitFor({ state: "detached" })
            await page.getByRole("button", { name: /Divers/ }).click()
            await page.locator(".message").getByText("at ten").waitFor()
            assert.strictEqual(await dialog.count(), 0)
            await page.getByRole("button", { name: "Members" }).click()
            await dialog.getByText(owner!.display_name).waitFor()
          })
          yield* second.remove(member!)
          yield* inPage(page, async (page) => {
            await dialog.waitFor({ state: "detached" })
            await page.getByText("You are no longer in this conversation").waitFor()

            await page.route(/\/conversations\/$/, (route) => route.abort())
            await page.locator(".filter").fill(users[2]!.username)
            await page.locator(".list").getByText(users[2]!.display_name).first().click()
            await page.getByRole("alert").getByText("does not answer").waitFor()
            await page.getByRole("button", { name: "New chat" }).first().click()
            await dialog.waitFor()
            assert.strictEqual(await dialog.getByRole("alert").count(), 0)
          })
        })
      )

      it.effect("shows its newest message, wherever it was left", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b, c] = yield* newUsers(3)
          yield* send(a!, b!, "the oyster")
          for (let i = 0; i < 120; i++) yield* send(b!, a!, `message ${i}`)
          yield* send(c!, a!, "hello")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          const row = page.locator("nav").getByRole("button", { name: b!.display_name })
          const jump = async () => {
            await page.locator(".filter").fill("oyster")
            await page.locator(".found button").first().click()
            await page.locator(".message").getByText("the oyster").waitFor()
            await page.locator(".filter").fill("")
            await row.waitFor()
          }
          yield* inPage(page, async (page) => {
            await jump()
            // The last own message of what is loaded is one of long ago.
            await page.getByLabel(/^Message to/).press("ArrowUp")
            await page.locator("nav").getByRole("button", { name: c!.display_name }).click()
            await page.locator(".message").getByText("hello").waitFor()
            assert.strictEqual(await page.getByText("Editing").count(), 0)
          })
          yield* send(b!, a!, "unread")
          yield* inPage(page, async (page) => {
            await row.getByText("1 unread").waitFor({ state: "attached" })
            await row.click()
            await page.locator(".message").getByText("unread", { exact: true }).waitFor()
            await jump()
            await page.getByText("unread", { exact: true }).first().waitFor({ state: "attached" })
            await page.locator(".message").getByText("unread", { exact: true }).waitFor({ state: "detached" })
            await row.click()
            await page.locator(".message").getByText("unread", { exact: true }).waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("says the first message of a conversation", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* ask("POST", "/conversations/", {
            json: { user_id: a!.id, kind: "direct", with: b!.id }
          })
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".hint").getByText("Nothing here yet").waitFor()
            await page.locator('[role=log][aria-live="polite"]').waitFor()
            await page.evaluate(`new MutationObserver((changes) => {
              window.said ??= document.querySelector("[role=log]").getAttribute("aria-live")
            }).observe(document.querySelector("[role=log]"), { childList: true, subtree: true })`)
          })
          yield* send(b!, a!, "first")
          yield* inPage(page, async (page) => {
            await page.locator(".message").getByText("first").waitFor()
            assert.strictEqual(await page.evaluate("window.said"), "polite")
          })
        })
      )

      it.effect("says what arrives, and has a line above what was unread alone", () =>
        Effect.gen(function* () {
          const { server, client } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          const { id, conversation_id } = yield* send(b!, a!, "read")
          yield* client.conversations.read({
            params: { conversation_id: conversation_id! },
            payload: { user_id: a!.id, message_id: id }
          })
          const { page, complaints } = yield* openChat(server.url, [a!.id], {
            before: (page) =>
              // Of each message that comes into the page: what it says, and how it is said.
              page.addInitScript(`window.said = []
                new MutationObserver((changes) => {
                  for (const { addedNodes } of changes) for (const node of addedNodes) {
                    const texts = node.querySelectorAll?.(".message .text") ?? []
                    for (const text of texts) said.push([text.textContent, text.closest("[aria-live]").getAttribute("aria-live")])
                  }
                }).observe(document, { childList: true, subtree: true })`)
          })
          const said = () => page.evaluate<Array<[string, string]>>("window.said.splice(0)")
          const isLive = () => page.locator('[role=log][aria-live="polite"]').waitFor()
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").getByText("read", { exact: true }).waitFor()
            await isLive()
            const first = await said()
            assert.deepEqual([...new Set(first.map(([, how]) => how))], ["off"])
            await page.locator(".message").focus()
            assert.strictEqual(await page.locator(".actions").getAttribute("aria-live"), "off")
            await page.getByLabel(/^Message to/).focus()
          })
          yield* send(b!, a!, "arrives")
          yield* inPage(page, async (page) => {
            await page.locator(".message").getByText("arrives").waitFor()
            assert.deepEqual(await said(), [["arrives", "polite"]])
            assert.strictEqual(await page.getByText("New messages").count(), 0)
            await page.getByLabel(/^Message to/).fill("own")
            await page.keyboard.press("Enter")
            await page.locator(".message .ticks").waitFor()
            assert.deepEqual([...new Set((await said()).map(([text, how]) => `${text} ${how}`))], ["own off"])
            await page.keyboard.press("Escape")
            await page.getByText("Choose a conversation").waitFor()
          })
          yield* send(b!, a!, "later")
          yield* inPage(page, async (page) => {
            await page.getByText("1 unread").waitFor({ state: "attached" })
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.getByText("New messages").waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("names people as far as they are known, in the list as well", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const users = yield* newUsers(2)
          const [a, b] = users
          yield* ask("PATCH", `/users/${b!.id}`, { json: { display_name: "Person B" } })
          const group = yield* newGroup("Garden", users)
          yield* group.write(b!, "beans")
          yield* send(b!, a!, "hello")
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.route(/\/members\?/, () => {})
            await page.locator(".preview").getByText("Person B: beans").waitFor()
            await page.getByRole("button", { name: /Garden/ }).click()
            await page.locator(".author").getByText("Person B").waitFor()
          })
        })
      )
    })
  })
})
