import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { until } from "../support/Until.ts"
import { Chromium, faultsOf, inPage, openChat, write } from "./Pages.ts"

/** What is stored in this browser longer than the page lives, beside the theme. */
const STORED = "indexedDB.databases().then((all) => all.map(({ name }) => name))"

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("an account on the page", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("is handed out as a file", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(a!, b!, "what I wrote")
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByTitle("Your profile").click()
            const [download] = await Promise.all([
              page.waitForEvent("download"),
              page.getByRole("button", { name: "Download my data" }).click()
            ])
            assert.strictEqual(download.suggestedFilename(), `mini-chat-${a!.username}.ndjson`)
            const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\n")
            const records = lines.map((line) => JSON.parse(line))
            assert.strictEqual(records[0].user.username, a!.username)
            assert.isTrue(records.some(({ message }) => message?.content === "what I wrote"))
            assert.strictEqual(records.at(-1).type, "end")
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect(
        "is deleted once its name is typed, for everybody, and nothing of it stays in the browser",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            yield* send(a!, b!, "to be deleted")
            const { page, complaints } = yield* openChat(server.url, [a!.id])
            const peer = yield* openChat(server.url, [b!.id])
            yield* inPage(peer.page, async (page) => {
              await page.getByRole("button", { name: a!.display_name }).click()
              await page.locator(".message").getByText("to be deleted").waitFor()
            })
            const faults = yield* inPage(page, async (page) => {
              await page.locator(".conversation").waitFor()
              await page.getByTitle("Your profile").click()
              const dialog = page.getByRole("dialog")
              await dialog.getByRole("button", { name: "Delete my account" }).click()
              const sure = dialog.getByRole("button", { name: "Delete for good" })
              assert.isTrue(await sure.isDisabled())
              await dialog.getByLabel(/Type your username/).fill(b!.username)
              assert.isTrue(await sure.isDisabled())
              // Nothing has happened yet.
              await dialog.getByRole("button", { name: "Keep my account" }).click()
              await dialog.getByRole("button", { name: "Delete my account" }).click()
              await dialog.getByLabel(/Type your username/).fill(a!.username)
              return faultsOf(page)
            })
            assert.strictEqual(faults, "[]")
            yield* inPage(page, async (page) => {
              await page.getByRole("button", { name: "Delete for good" }).click()
              await page.getByRole("button", { name: "Make two users" }).waitFor()
            })
            yield* until(
              Effect.map(
                inPage(page, (page) => page.evaluate(STORED)),
                (names) => (names as []).length === 0
              )
            )
            yield* inPage(peer.page, async (page) => {
              await page.locator(".gone").waitFor()
              await page.getByRole("button", { name: "Deleted user" }).waitFor()
              await page.getByText("This account is deleted").waitFor()
            })
            assert.strictEqual((yield* ask("GET", `/users/${a!.id}`)).status, 404)
            assert.deepEqual([...complaints, ...peer.complaints], [])
          })
      )

      it.effect("is closed in every tab when its user signs out in one, and none stores anything again", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page } = yield* openChat(server.url, [a!.id])
          const other = yield* Effect.promise(() => page.context().newPage())
          yield* inPage(other, async (page) => {
            await page.goto(server.url)
            await page.getByRole("button", { name: b!.display_name }).click()
          })
          yield* inPage(page, async (page) => {
            await page.locator(".conversation").waitFor()
            await page.getByTitle("Your profile").click()
            await page.getByRole("button", { name: "Sign out" }).click()
            await page.getByRole("button", { name: "Make two users" }).waitFor()
          })
          yield* inPage(other, async (page) => {
            await page.getByText("You signed out in another tab").waitFor()
            await write(page, "to nobody")
            await page.getByText("This browser stores nothing: it was cleared").waitFor()
            assert.deepEqual(await page.evaluate(STORED), [])
            await page.getByRole("button", { name: "Sign in again" }).click()
            await page.getByRole("button", { name: "Make two users" }).waitFor()
          })
        })
      )

      it.effect("leaves nothing in the browser when its user signs out", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "hello")
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.locator(".conversation").waitFor()
            await page.getByTitle("Your profile").click()
            await page.getByRole("button", { name: "Sign out" }).click()
            await page.getByRole("button", { name: "Make two users" }).waitFor()
          })
          yield* until(
            Effect.map(
              inPage(page, (page) => page.evaluate(STORED)),
              (names) => (names as []).length === 0
            )
          )
        })
      )
    })
  })
})
