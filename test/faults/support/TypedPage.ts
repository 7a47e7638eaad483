import { Effect, Schedule } from "effect"
import type { BrowserContext, Page } from "playwright-core"
import { Chromium, inPage } from "../../web/Pages.ts"

/** How long a page may take for what it is waited for, in milliseconds. */
const PATIENCE = 90_000

/** A message as a page shows it. */
export interface Shown {
  readonly id: number
  readonly text: string
}

/** A browser of one user, whose page shows the conversation with another. */
export const openTypedPage = Effect.fnUntraced(function* (url: string, user: number, peerName: string) {
  const browser = yield* Chromium
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.newContext()),
    (context) => Effect.promise(() => context.close())
  )
  const accounts = JSON.stringify([{ userId: user }])
  yield* Effect.promise(() =>
    // The browser's own page about a server that does not answer has no storage.
    context.addInitScript(
      `if (location.protocol === "http:") sessionStorage.setItem("minichat.accounts", ${JSON.stringify(accounts)})`
    )
  )
  const complaints: Array<string> = []
  let page = yield* Effect.promise(() => newTab(context, complaints))

  const openConversation = inPageOf(async (page) => {
    await page.getByRole("button", { name: peerName }).click()
    await page.getByLabel(/^Message to/).waitFor()
  })
  /** The server may be on its way back: asked for without the browser, whose own page about it is costly. */
  const answers = Effect.tryPromise(async () => (await fetch(url)).ok)
  const load = answers.pipe(
    Effect.andThen(Effect.tryPromise(() => page.goto(url))),
    Effect.retry(Schedule.spaced("1 second")),
    Effect.orDie,
    Effect.andThen(Effect.suspend(() => openConversation))
  )
  function inPageOf<A>(use: (page: Page) => Promise<A>) {
    return Effect.suspend(() => inPage(page, use))
  }
  yield* load

  return {
    complaints,
    inPage: inPageOf,
    load,
    /** Closes the tab and opens another one. */
    reopen: Effect.gen(function* () {
      yield* Effect.promise(() => page.close())
      page = yield* Effect.promise(() => newTab(context, complaints))
      yield* load
    }),
    setOffline: (isOffline: boolean) => Effect.promise(() => context.setOffline(isOffline)),
    /** Types a message, and waits until the page says that it is kept. */
    type: (text: string) =>
      inPageOf(async (page) => {
        const area = page.getByLabel(/^Message to/)
        await area.fill(text)
        await area.press("Enter")
        await page.locator('.composer[aria-busy="false"]').waitFor()
      }),
    /** All messages that the page shows when it is scrolled to its beginning, once it shows so many and none that waits. */
    shown: (count: number) => inPageOf((page) => collect(page, count))
  }
})

const newTab = async (context: BrowserContext, complaints: Array<string>) => {
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  page.on("pageerror", (error) => complaints.push(error.message))
  return page
}

/** Runs in the page: what is shown now, and a step towards the beginning. In text, as these files know no browser. */
const STEP = `(async () => {
  const messages = [...document.querySelectorAll("[data-message]")].map((message) => ({
    id: Number(message.dataset.message.split("-")[1]),
    text: message.querySelector(".text").textContent
  }))
  document.querySelector(".history").scrollBy(0, -300)
  await new Promise(requestAnimationFrame)
  return messages
})()`

const collect = async (page: Page, count: number): Promise<ReadonlyArray<Shown>> => {
  await page.locator("[data-message]").first().waitFor()
  await page.locator("[data-state]").first().waitFor({ state: "detached" })
  const newest = page.getByRole("button", { name: "Newest" })
  if (await newest.isVisible()) await newest.click()
  const found = new Map<number, string>()
  for (const deadline = Date.now() + PATIENCE; found.size < count && Date.now() < deadline; ) {
    const seen = await page.evaluate<ReadonlyArray<Shown>>(STEP)
    if (seen.some(({ id }, i) => i > 0 && id <= seen[i - 1]!.id))
      throw new Error(`Out of order: ${JSON.stringify(seen)}`)
    for (const { id, text } of seen) found.set(id, text)
  }
  return [...found].map(([id, text]) => ({ id, text })).sort((a, b) => a.id - b.id)
}
