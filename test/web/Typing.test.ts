import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { expect } from "vitest"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** The page of a user, and the frames that it got. */
const listening = Effect.fnUntraced(function* (url: string, user: User) {
  const frames: Array<{ readonly type: string; readonly typing?: boolean }> = []
  const chat = yield* openChat(url, [user.id], {
    before: async (page) => {
      page.on("websocket", (socket) =>
        socket.on("framereceived", ({ payload }) => frames.push(JSON.parse(String(payload))))
      )
    }
  })
  return { ...chat, framesOf: (type: string) => frames.filter((frame) => frame.type === type) }
})

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("typing on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is shown again for one more key, after the text was cleared and after it was sent", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(a!, b!, "hello")
          const one = yield* listening(server.url, a!)
          const other = yield* listening(server.url, b!)
          const text = one.page.getByLabel(/^Message to/)
          const typing = other.page.locator(".about").getByText("is typing")
          const isTold = async (...all: ReadonlyArray<boolean>) => {
            const told = () => other.framesOf("typing").map((frame) => frame.typing)
            await expect.poll(told, { timeout: 30_000 }).toEqual(all)
            await typing.waitFor()
          }
          yield* inPage(other.page, (page) => page.getByRole("button", { name: a!.display_name }).click())
          yield* inPage(one.page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.getByText("Online", { exact: true }).waitFor()
            await text.fill("a")
            await text.fill("")
            await text.fill("b")
            await isTold(true, false, true)

            await write(page, "sent")
            await other.page.locator(".message").getByText("sent").waitFor()
            await typing.waitFor({ state: "detached" })
            await expect.poll(() => one.framesOf("message_sent").length, { timeout: 30_000 }).toBe(1)
            await text.fill("c")
            await isTold(true, false, true, false, true)
          })
          for (const { complaints } of [one, other]) assert.deepEqual(complaints, [])
        })
      )
    })
  })
})
