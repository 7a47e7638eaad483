import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { bearer, post, request } from "../security/support/Server.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** A server that requires tokens, with two users who have one each. */
const requiring = Effect.gen(function* () {
  const keys = yield* makeKeys()
  const { url } = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings })
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob"]) yield* post(`${url}/users/`, { username }, service)
  yield* post(`${url}/messages/`, { sender_id: 2, receiver_id: 1, content: "hello" }, service)
  return { url, service, token: yield* keys.mint({ sub: "1" }) }
})

/** All that this page keeps longer than its tab. */
const KEPT = `(async () => {
  const databases = await indexedDB.databases()
  const values = await Promise.all(databases.map(({ name }) => new Promise((resolve) => {
    const request = indexedDB.open(name)
    request.onsuccess = () => {
      const all = request.result.transaction("values").objectStore("values").getAll()
      all.onsuccess = () => resolve(JSON.stringify(all.result))
    }
  })))
  return JSON.stringify(localStorage) + document.cookie + values.join()
})()`

describe.runIf(existsSync(CHROMIUM))("with AUTH=required, the page", { timeout: 120_000 }, () => {
  layer(Chromium.layer, { excludeTestServices: true })((it) => {
    it.effect("takes the token from its address, removes it there, and keeps it no longer than the tab", () =>
      Effect.gen(function* () {
        const { url, token } = yield* requiring
        const { page, complaints } = yield* openChat(`${url}/?from=link#token=${token}`)
        yield* inPage(page, async (page) => {
          await page.getByRole("button", { name: /bob/ }).click()
          await page.locator(".message").getByText("hello").waitFor()
          assert.strictEqual(page.url(), `${url}/?from=link`)
          assert.notInclude(await page.evaluate<string>(KEPT), token)
          await page.goBack().catch(() => {})
          assert.notInclude(page.url(), token)
          // A reload of the tab stays signed in, another tab does not.
          await page.goto(url)
          await page.getByRole("button", { name: /bob/ }).waitFor()
          const other = await page.context().newPage()
          await other.goto(url)
          await other.getByLabel("Token").waitFor()
        })
        assert.deepEqual(
          complaints.filter((text) => !text.includes("401")),
          []
        )
      })
    )

    it.effect(
      "takes a pasted token, refuses what is none, and stays signed in if the person asks for it",
      () =>
        Effect.gen(function* () {
          const { url, token } = yield* requiring
          const { page } = yield* openChat(url)
          yield* inPage(page, async (page) => {
            await page.getByLabel("Token").fill("no token")
            await page.getByRole("button", { name: "Sign in" }).click()
            await page.getByRole("alert").getByText("This is no token of a user").waitFor()
            await page.getByLabel("Token").fill(token)
            await page.getByLabel("Stay signed in").check()
            await page.getByRole("button", { name: "Sign in" }).click()
            await page.getByRole("button", { name: /bob/ }).click()
            await write(page, "back")
            await page.locator(".message .ticks").waitFor()
            const other = await page.context().newPage()
            await other.goto(url)
            await other.getByRole("button", { name: /bob/ }).waitFor()
            await other.getByTitle("Your profile").click()
            await other.getByRole("button", { name: "Sign out" }).click()
            await other.getByLabel("Token").waitFor()
            assert.notInclude(await other.evaluate<string>(KEPT), token)
          })
        })
    )

    it.effect("tells a suspended person so, after a reload as well", () =>
      Effect.gen(function* () {
        const { url, service, token } = yield* requiring
        const { page } = yield* openChat(`${url}/#token=${token}`)
        yield* inPage(page, (page) => page.getByRole("button", { name: /bob/ }).waitFor())
        yield* request(`${url}/users/1/suspension`, { method: "PUT", headers: service })
        yield* inPage(page, async (page) => {
          const banner = page.getByRole("status").getByText("The user is suspended")
          await banner.waitFor()
          await page.reload()
          await banner.waitFor()
        })
      })
    )
  })
})
