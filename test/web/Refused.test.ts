import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("what the server would refuse", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is not sent by the page when it is too long, which says by how much", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            const button = page.getByRole("button", { name: "Send" })
            const text = "😀".repeat(1000)
            await write(page, `${text}!!`)
            await page.getByText("Too long by 2 characters").waitFor()
            assert.isTrue(await button.isDisabled())
            assert.strictEqual(await faultsOf(page), "[]")
            await write(page, text)
            await page.locator(".message .ticks").waitFor()
            assert.strictEqual(await page.getByText("Too long").count(), 0)
          })
          assert.deepEqual(complaints, [])
        })
      )
    })
  })
})
