import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { providers, withProvider } from "../security/support/Providers.ts"
import { bearer, post, request } from "../security/support/Server.ts"
import { makeKeys } from "../security/support/Tokens.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { startServer } from "../support/TestServer.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** A server that requires tokens, with two users, and the token of the first. */
const requiringWith = Effect.fnUntraced(function* (settings: Partial<Settings>) {
  const keys = yield* makeKeys()
  const { url } = yield* startServer({ ...(yield* freshEmbedded), ...keys.settings, ...settings })
  const service = bearer(yield* keys.mint({ scope: "service" }))
  for (const username of ["alice", "bob"]) yield* post(`${url}/users/`, { username }, service)
  yield* post(`${url}/messages/`, { sender_id: 2, receiver_id: 1, content: "hello" }, service)
  return { url, service, mint: keys.mint, token: yield* keys.mint({ sub: "1" }) }
})

const requiring = requiringWith({})

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
          const { url, token, mint } = yield* requiring
          const { page } = yield* openChat(url)
          const refused = [
            ["no token", "This is no token: paste the whole text of it, and nothing else."],
            ["abc", "The server does not accept this token: The token is not valid."],
            [
              yield* mint({ sub: "1", exp: 1_700_000_000 }),
              "The server does not accept this token: The token has expired."
            ],
            [
              yield* mint({ scope: "service" }),
              "The server knows no user with this token: Only a user's token"
            ],
            [yield* mint({ sub: "3" }), "The server knows no user with this token"]
          ] as const
          yield* inPage(page, async (page) => {
            for (const [text, reason] of refused) {
              await page.getByLabel("Token").fill(text)
              await page.getByRole("button", { name: "Sign in" }).click()
              await page.getByRole("alert").getByText(reason).waitFor()
            }
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

    it.effect.each(["Auth0", "Supabase"] as const)(
      "signs in with a token of %s, which has no id of Mini Chat",
      (name) =>
        Effect.gen(function* () {
          const { server, mint } = yield* withProvider(providers[name], { jwtProvision: true })
          // Without a picture, which would be of a server of the web.
          const first = yield* mint({ user_metadata: { full_name: "Alice" } })
          const { page, complaints } = yield* openChat(`${server.url}/#token=${first}`)
          const other = yield* openChat(server.url)
          const token = yield* mint({ sub: "another one", preferred_username: "carol", user_metadata: {} })
          yield* inPage(other.page, async (page) => {
            await page.getByLabel("Token").fill(token)
            await page.getByRole("button", { name: "Sign in" }).click()
            await page.getByTitle("Your profile").waitFor()
          })
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: "New chat" }).first().click()
            await page.getByRole("checkbox").check()
            await page.getByRole("button", { name: "Start chat" }).click()
            await write(page, "hello")
            await page.locator(".message .ticks").waitFor()
            // The reload of a tab needs no second sign-in.
            await page.reload()
            await page.locator(".conversation").getByText("hello").waitFor()
          })
          assert.deepEqual(complaints, [])
        })
    )

    it.effect("says why the token of its address is refused, and shows nobody else in its place", () =>
      Effect.gen(function* () {
        const { url, token, mint } = yield* requiring
        const { page } = yield* openChat(`${url}/#token=${token}`)
        const expired = yield* mint({ sub: "2", exp: 1_700_000_000 })
        yield* inPage(page, async (page) => {
          await page.getByRole("button", { name: /bob/ }).waitFor()
          await page.goto("about:blank")
          await page.goto(`${url}/#token=${expired}`)
          await page
            .getByRole("alert")
            .getByText("The server does not accept this token: The token has expired.")
            .waitFor()
          assert.strictEqual(await page.locator(".pane").count(), 0)
          await page.getByLabel("Token").fill("abc")
          await page.getByRole("button", { name: "Sign in" }).click()
          await page.getByRole("alert").getByText("The token is not valid.").waitFor()
          assert.strictEqual(await page.getByRole("alert").count(), 1)
          await page.getByLabel("Token").fill(token)
          await page.getByRole("button", { name: "Sign in" }).click()
          await page.getByRole("button", { name: /bob/ }).waitFor()
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
          const banner = page.getByRole("status").getByText("Your account is suspended.")
          await banner.waitFor()
          await page.reload()
          await banner.waitFor()
        })
      })
    )

    it.effect("finds people by their whole username with USER_DIRECTORY=exact, and says how", () =>
      Effect.gen(function* () {
        const { url, service, token } = yield* requiringWith({ userDirectory: "exact" })
        yield* post(`${url}/users/`, { username: "carol" }, service)
        yield* post(`${url}/users/`, { username: "dave" }, service)
        const { page } = yield* openChat(`${url}/#token=${token}`)
        yield* inPage(page, async (page) => {
          const words = page.getByLabel("Search conversations, people and messages")
          const results = page.getByRole("region", { name: "Search results" })
          await words.fill("caro")
          await results.getByText(/^Nothing has these words/).waitFor()
          assert.strictEqual(await results.getAttribute("aria-busy"), "false")
          await words.fill("carol")
          await results.getByRole("button", { name: "carol" }).waitFor()
          // Longer than any username: messages may have it all the same.
          await words.fill("carol ".repeat(10))
          await results.getByText(/^Nothing has these words/).waitFor()
          await words.press("Escape")

          await page.getByRole("button", { name: "New chat" }).first().click()
          const dialog = page.getByRole("dialog")
          await dialog.getByText("Write the whole username of a person.").waitFor()
          assert.strictEqual(await dialog.getByRole("alert").count(), 0)
          const user = dialog.getByLabel("Find a user")
          await user.fill("caro")
          await dialog.getByText("Nobody else has exactly this username.").waitFor()
          for (const name of ["bob", "carol"]) {
            await user.fill(name)
            await dialog.getByRole("checkbox", { name }).check()
          }
          await dialog.getByLabel("Name of the group").fill("Three")
          await dialog.getByRole("button", { name: "Make a group of 3" }).click()

          await page.getByRole("button", { name: "Members" }).click()
          await dialog.getByLabel("Find a user to add").fill("dave")
          await dialog.getByRole("button", { name: "Add dave" }).click()
          await dialog.getByRole("button", { name: "Remove dave" }).waitFor()
        })
      })
    )
  })
})
