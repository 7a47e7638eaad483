import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MAX_CONTENT_LENGTH } from "../../src/domain/Message.ts"
import { ChatServer, newUsers } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("a count on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is of one thing or of several", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          const { json: group } = yield* ask("POST", "/conversations/", {
            json: { user_id: a!.id, kind: "group", title: "Garden", member_ids: [] }
          })
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openChat(proxy.url.href, [a!.id])
          const shows = (text: string) => page.getByText(text, { exact: true }).waitFor()
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: /Garden/ }).click()
            await shows("1 member")
          })
          yield* ask("PUT", `/conversations/${group.id}/members/${b!.id}`, { json: { user_id: a!.id } })
          yield* inPage(page, () => shows("2 members"))
          yield* inPage(page, async (page) => {
            const text = page.getByLabel(/^Message to/)
            await text.fill("x".repeat(MAX_CONTENT_LENGTH + 1))
            await shows("Too long by 1 character")
            await text.fill("x".repeat(MAX_CONTENT_LENGTH + 2))
            await shows("Too long by 2 characters")
          })
          yield* proxy.cut
          yield* inPage(page, async (page) => {
            await shows("You are offline. What you write is sent when you are back.")
            await write(page, "three")
            await shows("You are offline. 1 message waits to be sent.")
            await write(page, "four")
            await shows("You are offline. 2 messages wait to be sent.")
          })
          assert.strictEqual(yield* inPage(page, () => page.locator('[data-state="queued"]').count()), 2)
        })
      )
    })
  })
})
