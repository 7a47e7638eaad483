import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUsers } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

/** A group of its first user. */
const newGroup = Effect.fnUntraced(function* (title: string, [owner, ...others]: ReadonlyArray<User>) {
  const { ask } = yield* ChatServer
  const { json } = yield* ask("POST", "/conversations/", {
    json: { user_id: owner!.id, kind: "group", title, member_ids: others.map(({ id }) => id) }
  })
  const path = (user: User) => `/conversations/${json.id}/members/${user.id}`
  return {
    write: (content: string) =>
      ask("POST", "/messages/", {
        json: { sender_id: owner!.id, conversation_id: json.id, content }
      }),
    remove: (user: User) => ask("DELETE", `${path(user)}?user_id=${owner!.id}`),
    add: (user: User) => ask("PUT", path(user), { json: { user_id: owner!.id } })
  }
})

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("a group on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "that its user is removed from says so, leads back to the list, and is as before once the user is added",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const users = yield* newUsers(2)
            const [owner, member] = users
            const group = yield* newGroup("Hikers", users)
            yield* group.write("at nine")
            const { page, complaints } = yield* openChat(server.url, [member!.id])
            yield* inPage(page, async (page) => {
              await page.setViewportSize({ width: 360, height: 740 })
              await page.getByRole("button", { name: /Hikers/ }).click()
              await page.locator(".message").getByText("at nine").waitFor()
            })
            yield* group.remove(member!)
            yield* inPage(page, (page) => page.getByText("You are no longer in this conversation").waitFor())
            yield* group.add(member!)
            yield* inPage(page, async (page) => {
              await page.locator(".message").getByText("at nine").waitFor()
              await page.getByRole("button", { name: "Members" }).click()
              await page.getByRole("dialog").getByText(owner!.display_name).waitFor()
              await page.getByRole("button", { name: "Close" }).click()
            })
            yield* group.remove(member!)
            yield* inPage(page, async (page) => {
              await page.getByText("You are no longer in this conversation").waitFor()
              await page.getByRole("button", { name: "Back to the list" }).click()
              await page.getByText("No conversations yet.").waitFor()
            })
            // What was asked for just before the removal is refused, which the browser reports.
            const others = complaints.filter((complaint) => !complaint.includes("403"))
            assert.deepEqual(others, [])
          })
      )

      it.effect("that a search leads to has its members, also below what is loaded of the list", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [reader, owner, ...others] = yield* newUsers(62)
          const group = yield* newGroup("Divers", [owner!, reader!])
          yield* group.write("the wreck at noon")
          for (const other of others)
            yield* ask("POST", "/conversations/", {
              json: { user_id: reader!.id, kind: "direct", with: other.id }
            })
          const { page, complaints } = yield* openChat(server.url, [reader!.id])
          yield* inPage(page, async (page) => {
            await page.getByLabel("Search conversations, people and messages").fill("wreck")
            await page.locator(".found button").first().click()
            await page.getByRole("button", { name: "Members" }).click()
            await page.getByRole("dialog").getByText(owner!.display_name).waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("that cannot be left, or made, says why in its dialog", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const users = yield* newUsers(3)
          yield* newGroup("Runners", users)
          const { page } = yield* openChat(server.url, [users[0]!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: /Runners/ }).click()
            await page.getByRole("button", { name: "Members" }).click()
            const dialog = page.getByRole("dialog")
            await dialog.getByText(users[1]!.display_name).waitFor()
            await page.route(/\/members\/|\/conversations\/$/, (route) => route.abort())
            await dialog.getByRole("button", { name: "Leave the group" }).click()
            await dialog.getByRole("button", { name: "Leave", exact: true }).click()
            await dialog.getByRole("alert").getByText("does not answer").waitFor()
            await dialog.getByRole("button", { name: "Close" }).click()

            await page.getByRole("button", { name: "New chat" }).click()
            await dialog.getByRole("checkbox", { name: users[1]!.display_name }).check()
            await dialog.locator("button[type=submit]").click()
            await dialog.getByRole("alert").getByText("does not answer").waitFor()
          })
        })
      )
    })
  })
})
