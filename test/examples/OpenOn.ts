import { Effect } from "effect"
import type { Page } from "playwright-core"
import { Chromium } from "../web/Pages.ts"

/** Opens a page of a server's own origin for a user who writes to another, and puts an example in its place. */
export const openOn = Effect.fnUntraced(function* (
  url: string,
  user: number,
  peer: number,
  put: (page: Page) => Promise<unknown>
) {
  const browser = yield* Chromium
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext()),
    (context) => Effect.promise(() => context.close())
  )
  const errors: Array<string> = []
  const page = yield* Effect.promise(() => context.newPage())
  page.on("pageerror", (error) => errors.push(error.message))
  // A page of the server: the browser keeps one that a test makes up from a local server.
  const load = Effect.promise(async () => {
    await page.goto(`${url}/livez?user=${user}&with=${peer}`)
    await put(page)
  })
  yield* load
  return { page, errors, load }
})
