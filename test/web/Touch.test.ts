import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Locator } from "playwright-core"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, inPage, openChat } from "./Pages.ts"

/** What a finger can meet, in pixels. */
const FINGER = 44

/** The sizes of what is pressed, of those that are smaller than a finger. */
const tooSmall = async (buttons: Locator) => {
  const found: Array<string> = []
  for (const button of await buttons.all()) {
    const { width, height } = (await button.boundingBox())!
    if (Math.min(width, height) < FINGER)
      found.push(`${await button.getAttribute("aria-label")} ${width}×${height}`)
  }
  return found
}

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("under a finger", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "what is pressed is large enough, and the actions of a message are in sight at either end of the history",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            for (let i = 0; i < 30; i++) yield* send(b!, a!, `message ${i}`)
            const { page, complaints } = yield* openChat(server.url, [a!.id], {
              hasTouch: true,
              isMobile: true
            })
            yield* inPage(page, async (page) => {
              await page.setViewportSize({ width: 390, height: 844 })
              const row = page.locator(".conversation")
              await row.waitFor()
              assert.deepEqual(await tooSmall(page.locator(".sidebar button:visible")), [])
              await row.tap()
              const history = page.locator(".history")
              const bar = page.getByRole("toolbar")
              const isInSight = async () => {
                const inner = (await bar.boundingBox())!
                const outer = (await history.boundingBox())!
                assert.isAtLeast(inner.x, outer.x)
                assert.isAtLeast(inner.y, outer.y)
                assert.isAtMost(inner.y + inner.height, outer.y + outer.height)
              }
              await page.locator(".message").getByText("message 29", { exact: true }).tap()
              await bar.waitFor()
              await isInSight()
              assert.deepEqual(await tooSmall(page.locator(".main button:visible")), [])
              // Its name stands beside a sign that no pointer can rest on.
              await bar.getByText("Report", { exact: true }).waitFor()

              const top = (await history.boundingBox())!.y
              const boxes = await page.locator(".message").all()
              for (const message of boxes) {
                const { y } = (await message.boundingBox())!
                if (y < top) continue
                await message.locator(".bubble").tap()
                break
              }
              await page.locator('.actions[data-below="true"] [role=toolbar]').waitFor()
              await isInSight()
            })
            assert.deepEqual(complaints, [])
          })
      )
    })
  })
})
