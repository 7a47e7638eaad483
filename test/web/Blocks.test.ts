import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, faultsOf, inPage, openChat } from "./Pages.ts"

/** A group of the first user with the others, each of whom has another name than the username. The last one has written. */
const groupOf = Effect.fnUntraced(function* (users: ReadonlyArray<User>) {
  const { ask } = yield* ChatServer
  for (const { id } of users) yield* ask("PATCH", `/users/${id}`, { json: { display_name: nameOf(id) } })
  const { json: group } = yield* ask("POST", "/conversations/", {
    json: {
      user_id: users[0]!.id,
      kind: "group",
      title: "Garden",
      member_ids: users.slice(1).map(({ id }) => id)
    }
  })
  const json = { sender_id: users.at(-1)!.id, conversation_id: group.id, content: "who waters the beans?" }
  yield* ask("POST", "/messages/", { json })
})

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'

const nameOf = (id: number) => `Person ${id}`

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("people on the page are blocked", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "among the members, at a message and at a found one; a list shows them and takes it back",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const users = yield* newUsers(4)
            const [a, b, c, d] = users.map(({ id }) => ({ id, name: nameOf(id) }))
            yield* groupOf(users)
            const { page, complaints } = yield* openChat(server.url, [a!.id])
            const blocked = Effect.map(ask("GET", `/users/${a!.id}/blocks`), ({ json }) =>
              json.blocks.map(({ blocked_id }: { readonly blocked_id: number }) => blocked_id)
            )
            yield* inPage(page, async (page) => {
              const dialog = page.getByRole("dialog")
              const block = async (name: string) => {
                await dialog.getByRole("button", { name: `Block ${name}` }).click()
                await dialog.getByRole("button", { name: "Unblock" }).waitFor()
                assert.strictEqual(await faultsOf(page), "[]")
                await page.keyboard.press("Escape")
              }
              // A list knows the username alone; the dialog asks for the name.
              await page.getByLabel("Search conversations, people and messages").fill("beans")
              await page
                .locator(".found")
                .getByRole("button", { name: /^About/ })
                .click()
              await block(d!.name)
              await page.getByLabel("Search conversations, people and messages").fill("")

              await page.getByRole("button", { name: /Garden/ }).click()
              await page.getByRole("button", { name: "Members" }).click()
              await dialog.getByRole("button", { name: b!.name, exact: true }).click()
              await block(b!.name)
              // Back at the members, from the keyboard.
              await dialog.getByRole("button", { name: c!.name, exact: true }).press("Enter")
              await dialog.getByRole("button", { name: `Write to ${c!.name}` }).waitFor()
              await page.keyboard.press("Escape")
              await page.getByRole("dialog", { name: "Garden" }).waitFor()
              await page.keyboard.press("Escape")

              await page.locator(".message").getByText("who waters the beans?").hover()
              await page
                .getByRole("toolbar")
                .getByRole("button", { name: `About ${d!.name}` })
                .click()
              await dialog.getByRole("button", { name: "Unblock" }).click()
              await block(d!.name)
            })
            assert.deepEqual(yield* blocked, [b!.id, d!.id])
            const avatar_url = "https://pictures.example/b.svg"
            yield* ask("PATCH", `/users/${b!.id}`, { json: { avatar_url } })
            yield* inPage(page, async (page) => {
              await page.route(avatar_url, (route) =>
                route.fulfill({ contentType: "image/svg+xml", body: SVG })
              )
              await page.getByTitle("Your profile").click()
              await page.getByRole("button", { name: "Show blocked people" }).click()
              const dialog = page.getByRole("dialog", { name: "Blocked people" })
              await dialog.locator(`img[src="${avatar_url}"]`).waitFor()
              await dialog.getByRole("button", { name: `Unblock ${b!.name}` }).click()
              await dialog.getByRole("button", { name: `Block ${b!.name}` }).waitFor()
              await dialog.getByRole("button", { name: `Unblock ${d!.name}` }).waitFor()
              assert.strictEqual(await faultsOf(page), "[]")
              await page.keyboard.press("Escape")
              await page.getByRole("dialog", { name: "Your profile" }).waitFor()
            })
            assert.deepEqual(yield* blocked, [d!.id])
            assert.deepEqual(complaints, [])
          })
      )

      it.effect("in any number: the list has them all, and says when there are none", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, ...others] = yield* newUsers(103)
          const { page } = yield* openChat(server.url, [a!.id])
          const openList = async () => {
            await page.getByTitle("Your profile").click()
            await page.getByRole("button", { name: "Show blocked people" }).click()
            return page.getByRole("dialog", { name: "Blocked people" })
          }
          yield* inPage(page, async (page) => {
            await (await openList()).getByText("You have blocked nobody.").waitFor()
            await page.keyboard.press("Escape")
            await page.getByRole("dialog", { name: "Your profile" }).waitFor()
            await page.keyboard.press("Escape")
          })
          for (const { id } of others) yield* ask("PUT", `/users/${a!.id}/blocks/${id}`)
          yield* inPage(page, async () => {
            const dialog = await openList()
            await dialog.getByRole("listitem").nth(101).waitFor()
            // Names as long as these are cut, so that the buttons stay in reach.
            await page.setViewportSize({ width: 360, height: 640 })
            const list = dialog.getByRole("list")
            assert.isTrue(await list.evaluate((box) => box.scrollWidth <= box.clientWidth))
            await dialog
              .getByRole("button", { name: /^Unblock/ })
              .first()
              .click()
          })
        })
      )

      it.effect("the list of conversations keeps its text when the members of a group are loaded", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const users = yield* newUsers(2)
          yield* send(users[1]!, users[0]!, "hello")
          yield* groupOf(users)
          const { page } = yield* openChat(server.url, [users[0]!.id])
          yield* inPage(page, async (page) => {
            const row = page.locator(".conversation").filter({ hasText: "Garden" })
            const preview = row.locator(".preview")
            await preview.getByText("who waters the beans?").waitFor()
            const before = await preview.textContent()
            await row.click()
            await page.locator(".message .author, .author").getByText(nameOf(users[1]!.id)).waitFor()
            assert.strictEqual(await preview.textContent(), before)
          })
        })
      )
    })
  })
})
