import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { CHROMIUM } from "../support/Chromium.ts"
import { pathProxy } from "../support/PathProxy.ts"
import { Chromium, inPage } from "../web/Pages.ts"
import { ChatServer, newUsername } from "./ChatServer.ts"
import { operations, webhooks } from "./OpenApiDocument.ts"

/** How long a page may take to draw: its scripts are large, and the machine may be busy. In milliseconds. */
const PAGE_TIMEOUT = 60_000

/** A page with nothing but the server to reach, and what it complained about or tried to reach elsewhere. */
const openPage = Effect.fnUntraced(function* (path: string, at?: string) {
  const { server } = yield* ChatServer
  const base = at ?? server.url
  const browser = yield* Chromium
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext()),
    (context) => Effect.promise(() => context.close())
  )
  const complaints: Array<string> = []
  const foreign: Array<string> = []
  const page = yield* Effect.promise(async () => {
    await context.route("**", (route) => {
      const url = route.request().url()
      if (url.startsWith(`${base}/`)) return route.continue()
      foreign.push(url)
      return route.abort()
    })
    context.setDefaultTimeout(PAGE_TIMEOUT)
    const page = await context.newPage()
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text())
    })
    page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`))
    page.on("response", (response) => {
      if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`)
    })
    await page.goto(base + path)
    return page
  })
  return { page, complaints, foreign }
})

/** Where a page is: at the root, behind a proxy that serves it under a path, and there with a slash at its end. */
const PLACES = [
  { name: "at the root", prefix: "", path: "" },
  { name: "under a path of a proxy", prefix: "/chat", path: "" },
  { name: "under a path, with a slash at the end", prefix: "/chat", path: "/" }
]

layer(ChatServer.layer, { excludeTestServices: true })((it) => {
  describe("the docs pages", () => {
    it.effect.each(["/docs", "/redoc"])("%s is a page that may load and run nothing but its own", (path) =>
      Effect.gen(function* () {
        const { ask } = yield* ChatServer
        const { status, headers, text } = yield* ask("GET", path)
        const policy = headers.get("content-security-policy")!
        assert.strictEqual(status, 200)
        assert.strictEqual(headers.get("content-type"), "text/html; charset=utf-8")
        assert.include(policy, "default-src 'self'")
        assert.notMatch(policy.match(/script-src[^;]*/)![0], /unsafe|https?:|\*/)
        assert.notMatch(text.replaceAll(/<script>.*?<\/script>/gs, ""), /(src|href)="https?:/)
      })
    )

    it.effect.each(["/docs", "/redoc", "/redoc/redoc.standalone.js", "/openapi.json"])(
      "%s is compressed for who takes it, and not sent again to who has it",
      (path) =>
        Effect.gen(function* () {
          const { ask } = yield* ChatServer
          const plain = yield* ask("GET", path, { headers: { "accept-encoding": "identity" } })
          const refused = yield* ask("GET", path, { headers: { "accept-encoding": "gzip;q=0" } })
          const zipped = yield* ask("GET", path, { headers: { "accept-encoding": "gzip" } })
          const smallest = yield* ask("GET", path, { headers: { "accept-encoding": "gzip, br" } })
          const etag = plain.headers.get("etag")!
          const again = yield* ask("GET", path, { headers: { "if-none-match": etag } })

          assert.isNull(plain.headers.get("content-encoding"))
          assert.isNull(refused.headers.get("content-encoding"))
          assert.strictEqual(zipped.headers.get("content-encoding"), "gzip")
          assert.isBelow(
            Number(zipped.headers.get("content-length")),
            Number(plain.headers.get("content-length"))
          )
          assert.strictEqual(zipped.text, plain.text)
          assert.strictEqual(smallest.headers.get("content-encoding"), "br")
          assert.isBelow(
            Number(smallest.headers.get("content-length")),
            Number(zipped.headers.get("content-length"))
          )
          assert.strictEqual(smallest.text, plain.text)
          assert.include(plain.headers.get("vary"), "accept-encoding")
          assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag])
          assert.strictEqual(
            (yield* ask("GET", path, { headers: { "if-none-match": '"other"' } })).status,
            200
          )
        })
    )
  })

  describe.runIf(existsSync(CHROMIUM))(
    "in a browser without a network",
    { timeout: 2 * PAGE_TIMEOUT },
    () => {
      it.layer(Chromium.layer)((it) => {
        it.effect.each(PLACES)(
          "Swagger UI shows every operation and carries one out $name",
          ({ path, prefix }) =>
            Effect.gen(function* () {
              const { client, server } = yield* ChatServer
              const at = prefix === "" ? server.url : yield* pathProxy(server.url, prefix)
              const { page, complaints, foreign } = yield* openPage(`/docs${path}`, at)
              const username = newUsername()

              const summaries = yield* inPage(page, async (page) => {
                await page.locator(".opblock").first().waitFor()
                return page.locator(".opblock-summary-description").allTextContents()
              })
              const answered = yield* inPage(page, async (page) => {
                const create = page.locator(".opblock", { hasText: "Create a user" })
                await create.locator(".opblock-summary").click()
                await create.getByRole("button", { name: "Try it out" }).click()
                await create.locator("textarea").fill(JSON.stringify({ username }))
                await create.getByRole("button", { name: "Execute" }).click()
                const response = create.locator(".live-responses-table tbody")
                return {
                  status: (await response.locator(".response-col_status").first().textContent())?.trim(),
                  body: await response.locator(".highlight-code").first().textContent()
                }
              })

              const posted = Object.values(yield* webhooks).map(({ post }) => post)
              assert.sameMembers(
                summaries,
                [...(yield* operations), ...posted].map(({ summary }) => summary!)
              )
              assert.strictEqual(answered.status, "200")
              assert.include(answered.body, username)
              assert.isTrue(
                (yield* client.users.list({ query: { skip: 0, limit: 1000 } })).some(
                  (user) => user.username === username
                )
              )
              assert.deepEqual({ complaints, foreign }, { complaints: [], foreign: [] })
            })
        )

        it.effect.each(PLACES)("ReDoc shows every operation $name", ({ path, prefix }) =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const at = prefix === "" ? server.url : yield* pathProxy(server.url, prefix)
            const { page, complaints, foreign } = yield* openPage(`/redoc${path}`, at)
            const summaries = (yield* operations).map(({ summary }) => summary!)

            const shown = yield* inPage(page, async (page) => {
              await page
                .locator("h2", { hasText: summaries.at(-1)! })
                .first()
                .waitFor()
              return page.locator("h2").allTextContents()
            })
            assert.includeMembers(
              shown.map((text) => text.trim()),
              summaries
            )

            assert.deepEqual({ complaints, foreign }, { complaints: [], foreign: [] })
          })
        )
      })
    }
  )
})
