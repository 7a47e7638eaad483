import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { expect } from "vitest"
import { call, send, twoUsers } from "../process/ServerProcess.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { startProcess } from "../support/ServerProcess.ts"
import { freshDataDir } from "../support/Services.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** The texts of the messages that a page shows, and how many of them the server does not have yet. */
const shownOn = async (page: Page) => ({
  texts: await page.locator(".message .text").allTextContents(),
  waiting: await page.locator(".message[data-state]").count()
})

const shows = (page: Page, texts: ReadonlyArray<string>) =>
  expect.poll(() => shownOn(page), { timeout: 60_000 }).toEqual({ texts, waiting: 0 })

/** A mark that a page loses when it is loaded anew. */
const MARK = "globalThis.isMarked"

describe.runIf(existsSync(CHROMIUM))("a page whose server", { timeout: 180_000 }, () => {
  layer(Chromium.layer, { excludeTestServices: true })((it) => {
    it.effect.each(["SIGKILL", "SIGTERM"] as const)(
      "ends by %s and is started again sends once what was written, and shows what came meanwhile",
      (signal) =>
        Effect.gen(function* () {
          const { dataDir } = yield* freshDataDir
          const first = yield* startProcess({ DATA_DIR: dataDir })
          const url = yield* first.listening
          const { alice, bob } = yield* twoUsers(url)
          yield* send(url, bob, alice, "first")
          const one = yield* openChat(url, [alice.id])
          const other = yield* openChat(url, [bob.id])
          const pages = [one.page, other.page]
          const banner = one.page.locator(".banner")
          const text = one.page.getByLabel(/^Message to/)
          for (const page of pages)
            yield* inPage(page, async (page) => {
              await page.evaluate(`${MARK} = true`)
              await page.locator(".conversation").click()
              await page.locator(".message").getByText("first").waitFor()
            })
          yield* inPage(one.page, (page) => page.getByText("Online", { exact: true }).waitFor())

          // Nobody knows whether the server has this one.
          yield* inPage(one.page, (page) => write(page, "at the end"))
          yield* first.signal(signal)
          yield* inPage(one.page, () => text.pressSequentially("while it is "))
          yield* first.ended
          yield* inPage(one.page, async (page) => {
            await banner.getByText("You are offline").waitFor()
            await text.pressSequentially("away")
            await text.press("Enter")
            await page.locator('[data-state="queued"]').getByText("while it is away").waitFor()
            await banner.getByText(/waits? to be sent/).waitFor()
            await text.pressSequentially("half a ")
          })

          const second = yield* startProcess({ DATA_DIR: dataDir, PORT: new URL(url).port })
          assert.strictEqual(yield* second.listening, url)
          yield* send(url, bob, alice, "meanwhile")
          yield* inPage(one.page, async (page) => {
            await banner.waitFor({ state: "detached", timeout: 60_000 })
            await expect.poll(async () => (await shownOn(page)).waiting, { timeout: 60_000 }).toBe(0)
            await text.pressSequentially("sentence")
            await text.press("Enter")
          })
          const history = Effect.map(
            call(url, `/messages/?user_id=${alice.id}&chat_with=${bob.id}`),
            (messages: ReadonlyArray<{ readonly content: string }>) =>
              messages.map(({ content }) => content).toReversed()
          )
          yield* inPage(other.page, (page) =>
            page.locator(".message").getByText("half a sentence").waitFor({ timeout: 60_000 })
          )
          const texts = yield* history
          assert.deepEqual(
            texts.filter((content) => content !== "meanwhile"),
            ["first", "at the end", "while it is away", "half a sentence"]
          )
          assert.lengthOf(texts, 5)
          for (const page of pages) yield* inPage(page, (page) => shows(page, texts))

          // The new connection goes on as the one before did.
          yield* send(url, bob, alice, "at last")
          for (const page of pages)
            yield* inPage(page, async (page) => {
              await shows(page, [...texts, "at last"])
              assert.isTrue(await page.evaluate(MARK), "not loaded anew")
              await page.reload()
              await page.locator(".conversation").click()
              await shows(page, [...texts, "at last"])
            })
          // The browser tells of each connection that is refused.
          const others = [one, other]
            .flatMap(({ complaints }) => complaints)
            .filter((complaint) => !/WebSocket|ERR_CONNECTION|Failed to load resource/.test(complaint))
          assert.deepEqual(others, [])
        })
    )
  })
})
