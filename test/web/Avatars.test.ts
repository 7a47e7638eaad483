import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { Chromium, faultsOf, inPage, openChat } from "./Pages.ts"

const PICTURES = /^https:\/\/pictures\.example\//

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe.runIf(existsSync(CHROMIUM))("a picture of a user", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect(
        "takes the place of the first letter once it is there, moves nothing, and is asked for without a referrer",
        () =>
          Effect.gen(function* () {
            const { server, ask } = yield* ChatServer
            const [a, b, c, d] = yield* newUsers(4)
            const local = new URL("/picture.svg", server.url).href
            const pictures = ["https://pictures.example/b.svg", local, "http://pictures.example/d.svg"]
            for (const [i, user] of [b, c, d].entries()) {
              yield* ask("PATCH", `/users/${user!.id}`, { json: { avatar_url: pictures[i] } })
              yield* send(user!, a!, "hello")
            }
            const asked = new Set<string>()
            let answer = () => {}
            const isMeasured = new Promise<void>((resolve) => {
              answer = resolve
            })
            const { page, complaints } = yield* openChat(server.url, [a!.id], {
              before: (page) =>
                page.route(/\.svg$/, async (route) => {
                  const { referer } = await route.request().allHeaders()
                  asked.add(`${route.request().url()} ${referer}`)
                  await isMeasured
                  await route.fulfill({ contentType: "image/svg+xml", body: SVG })
                })
            })
            yield* inPage(page, async (page) => {
              const row = (name: string) => page.locator(".conversation").filter({ hasText: name })
              const places = () =>
                page
                  .locator(".conversation *")
                  .evaluateAll((all) =>
                    all
                      .filter(({ tagName }) => tagName !== "IMG")
                      .map((one) => JSON.stringify(one.getBoundingClientRect()))
                  )
              await row(b!.username).locator("img").waitFor({ state: "attached" })
              await row(c!.username).locator("img").waitFor({ state: "attached" })
              const avatar = row(b!.username).locator(".avatar")
              const letter = b!.username.charAt(0).toUpperCase()
              assert.strictEqual(await avatar.textContent(), letter)
              const before = await places()
              answer()
              await avatar.filter({ hasNotText: letter }).waitFor()
              assert.deepEqual(await places(), before)
              // No page with https may load it, and this one does not either.
              assert.strictEqual(await row(d!.username).locator("img").count(), 0)
              assert.strictEqual(await faultsOf(page), "[]")
            })
            assert.deepEqual(complaints, [])
            assert.deepEqual(
              [...asked].toSorted(),
              [`${local} undefined`, `${pictures[0]} undefined`].toSorted()
            )
          })
      )

      it.effect("is not removed by who saves a name before the profile was loaded", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a] = yield* newUsers(1)
          const avatar_url = new URL("/kept.svg", server.url).href
          yield* ask("PATCH", `/users/${a!.id}`, { json: { avatar_url } })
          let load = () => {}
          const mayLoad = new Promise<void>((resolve) => {
            load = resolve
          })
          const { page } = yield* openChat(server.url, [a!.id], {
            before: async (page) => {
              await page.route(/kept\.svg$/, (route) =>
                route.fulfill({ contentType: "image/svg+xml", body: SVG })
              )
              await page.route(new URL(`/users/${a!.id}`, server.url).href, async (route) => {
                if (route.request().method() === "GET") await mayLoad
                await route.continue()
              })
            }
          })
          yield* inPage(page, async (page) => {
            await page.getByTitle("Your profile").click()
            const dialog = page.getByRole("dialog")
            await dialog.getByText("Loading your profile").waitFor()
            assert.strictEqual(await dialog.getByLabel("Name that others see").count(), 0)
            load()
            await dialog.getByLabel("Name that others see").fill("Another name")
            await dialog.getByRole("button", { name: "Save" }).click()
            await dialog.waitFor({ state: "detached" })
          })
          const { json } = yield* ask("GET", `/users/${a!.id}`)
          assert.deepInclude(json, { display_name: "Another name", avatar_url })
        })
      )

      it.effect("is set and removed with the name; one that does not load leaves the first letter", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [a] = yield* newUsers(1)
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.route(PICTURES, (route) =>
              route.request().url().includes("missing")
                ? route.fulfill({ status: 404 })
                : route.fulfill({ contentType: "image/svg+xml", body: SVG })
            )
            const own = page.locator(".sidebar header .avatar")
            const save = async (picture: string) => {
              await page.getByTitle("Your profile").click()
              await page.getByLabel("Picture").fill(picture)
              await page.getByRole("button", { name: "Save" }).click()
            }
            await save("https://pictures.example/missing.svg")
            await page.getByRole("dialog").waitFor({ state: "detached" })
            await own.locator("img").waitFor({ state: "detached" })
            assert.match((await own.textContent())!, /^\w$/)
            await save("https://pictures.example/me.svg")
            await page.getByRole("dialog").waitFor({ state: "detached" })
            await own.locator("img").waitFor()
          })
          const me = () => Effect.map(ask("GET", `/users/${a!.id}`), ({ json }) => json)
          assert.strictEqual((yield* me()).avatar_url, "https://pictures.example/me.svg")
          assert.strictEqual((yield* me()).display_name, a!.display_name)
          yield* inPage(page, async (page) => {
            await page.getByTitle("Your profile").click()
            const dialog = page.getByRole("dialog")
            await dialog.locator("img").waitFor()
            await page.getByLabel("Picture").fill("ftp://pictures.example/me.svg")
            await page.getByRole("button", { name: "Save" }).click()
            await dialog
              .getByRole("alert")
              .getByText(/http or https/)
              .waitFor()
            assert.strictEqual(await faultsOf(page), "[]")
            await page.getByLabel("Picture").fill("")
            await page.getByRole("button", { name: "Save" }).click()
            await dialog.waitFor({ state: "detached" })
            await page.locator(".sidebar header img").waitFor({ state: "detached" })
          })
          assert.isUndefined((yield* me()).avatar_url)
        })
      )
    })
  })
})
