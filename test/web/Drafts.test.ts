import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { expect } from "vitest"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

const area = (page: Page) => page.getByLabel(/^Message to/)

const rowOf = (page: Page, { display_name }: { readonly display_name: string }) =>
  page.locator("nav .list").getByRole("button", { name: display_name })

const DRAFTS = "Object.keys(sessionStorage).filter((key) => key.startsWith('minichat.draft.'))"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("what is being written", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("stays with what it answers, and goes with its user", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b, c] = yield* newUsers(3)
          const question = yield* send(b!, a!, "Shall we meet?")
          yield* send(c!, a!, "hello")
          const own = yield* send(a!, b!, "maybe")
          const remove = ({ id }: { readonly id: number }, by: { readonly id: number }) =>
            ask("DELETE", `/messages/${id}?user_id=${by.id}`)
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await rowOf(page, b!).click()
            await page.locator(".message").getByText("Shall we meet?").hover()
            await page.getByRole("button", { name: "Reply" }).click()
            await area(page).fill("at nine")
            await rowOf(page, c!).click()
            await page.locator(".message").getByText("hello").waitFor()
            assert.strictEqual(await area(page).inputValue(), "")
            assert.strictEqual(await page.locator(".context").count(), 0)
            await page.reload()
            await rowOf(page, b!).click()
            await page.getByText(`Reply to ${b!.display_name}: Shall we meet?`).waitFor()
            assert.strictEqual(await area(page).inputValue(), "at nine")
            // An edit leaves the draft as it is.
            await page.locator(".message").getByText("maybe").hover()
            await page.getByRole("button", { name: "Edit" }).click()
            await area(page).fill("certainly")
          })
          yield* remove(own, a!)
          yield* inPage(page, async (page) => {
            await page.getByRole("alert").getByText("is deleted").waitFor()
            await page.getByText(`Reply to ${b!.display_name}: Shall we meet?`).waitFor()
            assert.strictEqual(await area(page).inputValue(), "at nine")
          })
          yield* remove(question, b!)
          yield* inPage(page, async (page) => {
            await page.getByText(`Reply to ${b!.display_name}: Deleted message`).waitFor()
            assert.lengthOf(await page.evaluate<Array<string>>(DRAFTS), 2)
            await page.getByTitle("Your profile").click()
            await page.getByRole("button", { name: "Sign out" }).click()
            await page.getByText("Be one user").waitFor()
            assert.deepEqual(await page.evaluate(DRAFTS), [])
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("is shown to the other one until it is not written any more", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b, c] = yield* newUsers(3)
          yield* send(a!, b!, "hello")
          yield* send(c!, a!, "hi")
          const frames: Array<{ type: string; typing?: boolean; user_ids?: ReadonlyArray<number> }> = []
          const one = yield* openChat(server.url, [a!.id], {
            before: async (page) => {
              page.on("websocket", (socket) =>
                socket.on("framesent", ({ payload }) => frames.push(JSON.parse(String(payload))))
              )
            }
          })
          const other = yield* openChat(server.url, [b!.id])
          const typing = other.page.locator(".about").getByText("is typing")
          const begins = inPage(other.page, () => typing.waitFor())
          const ends = inPage(other.page, () => typing.waitFor({ state: "detached" }))
          yield* inPage(other.page, (page) => rowOf(page, a!).click())
          yield* inPage(one.page, async (page) => {
            await rowOf(page, b!).click()
            await page.locator(".message").getByText("hello").waitFor()
            await page.getByText("Online", { exact: true }).waitFor()
            // Whose conversation is open is watched first.
            assert.strictEqual(frames.findLast(({ type }) => type === "watch")?.user_ids?.[0], b!.id)
            await area(page).fill("a")
          })
          yield* begins
          yield* inPage(one.page, (page) => area(page).fill(""))
          yield* ends
          // The server takes no second beginning within a second of the first.
          yield* inPage(one.page, async (page) => {
            let keys = 0
            await expect
              .poll(
                async () => {
                  await area(page).fill(`b${keys++}`)
                  return typing.isVisible()
                },
                { timeout: 30_000 }
              )
              .toBe(true)
          })
          yield* inPage(one.page, (page) => rowOf(page, c!).click())
          yield* ends
          const sent = () => frames.filter(({ type }) => type === "typing").map((frame) => frame.typing)
          assert.deepEqual(sent().slice(0, 2), [true, false])
          assert.isFalse(sent().at(-1))
          const before = sent().length
          yield* inPage(one.page, async (page) => {
            await rowOf(page, b!).click()
            // The draft that was left there.
            await area(page).fill("")
            await area(page).press("ArrowUp")
            await page.getByText("Editing").waitFor()
            await area(page).fill("hello!")
            await area(page).press("Enter")
            await page.locator(".message").getByText("hello!").waitFor()
          })
          assert.lengthOf(sent(), before)
          for (const { complaints } of [one, other]) assert.deepEqual(complaints, [])
        })
      )
    })
  })
})
