import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import { Postgres } from "../system/Postgres.ts"
import { ServerProcess } from "../system/ServerProcess.ts"
import { CONVERSATIONS, MESSAGES, READER, seed } from "./Seed.ts"

/** How often the page is opened anew, and how many older messages are scrolled to. */
const VISITS = 10
const OLDER = 3000

/** How far each frame scrolls, in pixels: as fast as a wheel that is spun. */
const STEP = 120

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium"

/** Functions of the page that is measured, in text, as these files know no browser. */
const IN_PAGE = `
  const frame = () => new Promise(requestAnimationFrame)
  const nodes = (box) => document.querySelectorAll(box + " *").length
  /** Whether the newest message has the text, and is in sight: what was not measured yet is in the page, and hidden. */
  const isInSight = (text) => {
    const newest = [...document.querySelectorAll(".message")].at(-1)
    return (
      newest?.textContent.includes(text) === true &&
      newest.checkVisibility({ visibilityProperty: true }) &&
      newest.getBoundingClientRect().bottom <= document.querySelector(".history").getBoundingClientRect().bottom + 1
    )
  }
  /** From doing something until the newest message, which has the text, has been drawn. */
  const shows = async (act, text = "") => {
    const began = performance.now()
    act()
    while (!isInSight(text)) await frame()
    await new Promise((resolve) => setTimeout(resolve))
    return performance.now() - began
  }
  /** Scrolls in each frame until it is over: how long the frames took, and how much was in the page at most. */
  const scroll = async (selector, step, isOver) => {
    const times = []
    let most = 0
    let last = await frame()
    while (!isOver(document.querySelector(selector), times.length)) {
      document.querySelector(selector).scrollBy(0, step)
      const now = await frame()
      times.push(now - last)
      last = now
      most = Math.max(most, nodes(selector))
    }
    return { times, most }
  }`

const evaluate = <A>(page: Page, expression: string) =>
  page.evaluate<A>(`(async () => { ${IN_PAGE}; return ${expression} })()`)

interface Frames {
  readonly times: ReadonlyArray<number>
  readonly most: number
}

const quantile = (values: ReadonlyArray<number>, q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(Math.floor(values.length * q), values.length - 1)]!

const show = (what: string, values: ReadonlyArray<number>, more = "") =>
  console.log(
    `${what.padEnd(52)} p50 ${quantile(values, 0.5).toFixed(1).padStart(6)}  p95 ${quantile(values, 0.95).toFixed(1).padStart(6)}  longest ${Math.max(...values).toFixed(1)} ms${more}`
  )

const showFrames = (what: string, { times, most }: Frames) =>
  show(
    `a frame, ${what}`,
    times,
    `; ${((100 * times.filter((time) => time < 20).length) / times.length).toFixed(1)} % within 20 ms; at most ${most} elements`
  )

const openPage = async (browser: Browser, url: string) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const accounts = JSON.stringify(JSON.stringify([{ userId: READER }]))
  await context.addInitScript(`sessionStorage.setItem("minichat.accounts", ${accounts})`)
  const page = await context.newPage()
  await page.goto(url, { waitUntil: "commit" })
  await page.locator(".conversation").first().waitFor()
  const shown = await page.evaluate<number>("performance.now()")
  return { page, shown, close: () => context.close() }
}

const FOR_A_WHILE = "(_, times) => times >= 300"
const FIRST = 'document.querySelector(".conversation").click()'

/** What a person sees first, each time in a browser that knows nothing. */
const visits = async (browser: Browser, url: string) => {
  const lists: Array<number> = []
  const opened: Array<number> = []
  const echoes: Array<number> = []
  for (let visit = 0; visit < VISITS; visit++) {
    const { page, shown, close } = await openPage(browser, url)
    lists.push(shown)
    opened.push(await evaluate(page, `shows(() => ${FIRST})`))
    await page.getByLabel(/^Message to/).fill(`echo ${visit}`)
    echoes.push(
      await evaluate(
        page,
        `shows(() => document.querySelector(".composer .primary").click(), "echo ${visit}")`
      )
    )
    await page.locator(".message .ticks").first().waitFor()
    await close()
  }
  show("from the address to the list of conversations", lists)
  show(`opening a conversation of ${MESSAGES.toLocaleString("en")} messages`, opened)
  show("from Enter to the message on the screen", echoes)
}

const list = async (browser: Browser, url: string) => {
  const { page, close } = await openPage(browser, url)
  const loading = await evaluate<Frames>(
    page,
    `scroll(".list", 100000, (box) => {
      document.querySelector(".more")?.click()
      return box.scrollHeight > ${CONVERSATIONS} * 50
    })`
  )
  showFrames(`while ${CONVERSATIONS.toLocaleString("en")} conversations are loaded`, loading)
  await evaluate(page, 'document.querySelector(".list").scrollTo(0, 0)')
  showFrames("scrolling through them", await evaluate(page, `scroll(".list", ${STEP}, ${FOR_A_WHILE})`))
  await close()
}

const history = async (browser: Browser, url: string) => {
  const { page, close } = await openPage(browser, url)
  await evaluate(page, `shows(() => ${FIRST})`)
  const older = `scroll(".history", -${STEP}, (box) => box.scrollHeight > ${OLDER} * 40 && box.scrollTop < 1000)`
  showFrames(`scrolling up to ${OLDER.toLocaleString("en")} older messages`, await evaluate(page, older))
  showFrames("scrolling down again", await evaluate(page, `scroll(".history", ${STEP}, ${FOR_A_WHILE})`))
  await close()
}

const main = async () => {
  await using postgres = await Postgres.connect()
  const folder = await mkdtemp(join(tmpdir(), "minichat-bench-page-"))
  try {
    const databaseUrl = await postgres.createDatabase()
    await using server = await ServerProcess.start(
      {
        entry: "src/main.ts",
        env: { DATABASE_URL: databaseUrl, RATE_LIMITS: "off" },
        logFile: join(folder, "log")
      },
      new AbortController().signal
    )
    await seed(databaseUrl)
    const url = `http://${server.host}:${server.port}/`
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
    try {
      console.log(`Chromium ${browser.version()}`)
      await visits(browser, url)
      await list(browser, url)
      await history(browser, url)
    } finally {
      await browser.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
