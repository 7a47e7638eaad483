import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page, Route } from "playwright-core"
import { ChatServer, newUsers } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

/** Answers no request of a kind until `goOn` is called. */
const heldUp = (pattern: RegExp) => {
  const waiting: Array<Route> = []
  let isOver = false
  return {
    before: (page: Page) =>
      page.route(pattern, (route) => {
        if (isOver) return route.continue()
        waiting.push(route)
        return undefined
      }),
    goOn: async () => {
      isOver = true
      for (const route of waiting) await route.continue()
    }
  }
}

/** A group in which somebody wrote whose name is not their username, and who has left since when `hasLeft`. */
const written = Effect.fnUntraced(function* (hasLeft: boolean) {
  const { ask } = yield* ChatServer
  const [a, b] = yield* newUsers(2)
  yield* ask("PATCH", `/users/${b!.id}`, { json: { display_name: "Bea Bright" } })
  const { json: group } = yield* ask("POST", "/conversations/", {
    json: { user_id: a!.id, kind: "group", title: "Garden", member_ids: [b!.id] }
  })
  yield* ask("POST", "/messages/", {
    json: { sender_id: b!.id, conversation_id: group.id, content: "beans" }
  })
  if (hasLeft) yield* ask("DELETE", `/conversations/${group.id}/members/${b!.id}?user_id=${b!.id}`)
  return { a: a!, b: b! }
})

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("the author of a message in a group", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("has no name until the members are loaded, and then the one that others see", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const { a, b } = yield* written(false)
          const users = heldUp(/\/users\/\d+($|\?)/)
          const members = heldUp(/\/members/)
          const { page, complaints } = yield* openChat(server.url, [a.id], {
            before: async (page) => {
              await users.before(page)
              await members.before(page)
            }
          })
          yield* inPage(page, async (page) => {
            await page.locator(".preview .unnamed").waitFor()
            await page.getByRole("button", { name: /Garden/ }).click()
            await page.locator(".message").getByText("beans").waitFor()
            await page.locator(".author .unnamed").waitFor()
            assert.strictEqual(await page.getByText(b.username).count(), 0)
            await members.goOn()
            await page.locator(".author").getByText("Bea Bright").waitFor()
            await page.locator(".preview").getByText("Bea Bright: beans").waitFor()
            assert.strictEqual(await page.locator(".unnamed").count(), 0)
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("is looked up while the group was never opened, and after they have left it", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const { a } = yield* written(true)
          const { page, complaints } = yield* openChat(server.url, [a.id])
          yield* inPage(page, async (page) => {
            await page.locator(".preview").getByText("Bea Bright: beans").waitFor()
            await page.getByRole("button", { name: /Garden/ }).click()
            await page.locator(".author").getByText("Bea Bright").waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("has the username where the server does not say who it is", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const { a, b } = yield* written(true)
          const { page } = yield* openChat(server.url, [a.id], {
            before: (page) =>
              page.route(new RegExp(`/users/${b.id}$`), (route) => route.fulfill({ status: 403, json: {} }))
          })
          yield* inPage(page, async (page) => {
            await page.locator(".preview").getByText(`${b.username}: beans`).waitFor()
          })
        })
      )
    })
  })
})
