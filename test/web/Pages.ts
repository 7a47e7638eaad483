import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { Context, Effect, Layer } from "effect"
import { type Browser, chromium, type Page } from "playwright-core"
import { CHROMIUM } from "../support/Chromium.ts"

let running: Promise<Browser> | undefined

/** One browser for all files of a worker: starting one takes a second. Playwright ends it with the process. */
const browser = () => {
  running ??= chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })
  return running
}

/** A browser that the pages are opened in. */
export class Chromium extends Context.Service<Chromium, Browser>()("test/web/Chromium") {
  static readonly layer = Layer.effect(Chromium, Effect.promise(browser))
}

/** Opens the page as some users, and collects what it complains about. */
export const openChat = Effect.fnUntraced(function* (
  url: string,
  userIds: ReadonlyArray<number> = [],
  options: {
    readonly colorScheme?: "light" | "dark"
    readonly viewport?: { readonly width: number; readonly height: number }
    readonly hasTouch?: boolean
    readonly isMobile?: boolean
    /** What is done with the page before it loads anything, as answering requests to other hosts. */
    readonly before?: (page: Page) => Promise<unknown>
  } = {}
) {
  const { before, ...look } = options
  const browser = yield* Chromium
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext({ viewport: { width: 1500, height: 800 }, ...look })),
    (context) => Effect.promise(() => context.close())
  )
  const complaints: Array<string> = []
  const page = yield* Effect.promise(async () => {
    if (userIds.length > 0) {
      const accounts = JSON.stringify(userIds.map((userId) => ({ userId })))
      await context.addInitScript(`sessionStorage.setItem("minichat.accounts", ${JSON.stringify(accounts)})`)
    }
    const page = await context.newPage()
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text())
    })
    await before?.(page)
    await page.goto(url)
    return page
  })
  return { page, complaints }
})

export const inPage = <A>(page: Page, use: (page: Page) => Promise<A>) => Effect.promise(() => use(page))

/** Writes a message in the conversation that is open in a pane. */
export const write = async (page: Page, text: string, pane = 0) => {
  const area = page
    .locator(".pane")
    .nth(pane)
    .getByLabel(/^Message to/)
  await area.fill(text)
  await area.press("Enter")
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** What axe finds wrong with a page, as JSON: `[]` for nothing. */
export const faultsOf = async (page: Page) => {
  await page.evaluate(axe)
  return page.evaluate<string>(
    "axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])))"
  )
}
