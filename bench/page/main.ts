import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Browser, chromium, type Page } from "playwright-core"
import { Postgres } from "../system/Postgres.ts"
import { ServerProcess } from "../system/ServerProcess.ts"
import { CONVERSATIONS, MESSAGES, READER, seed } from "./Seed.ts"

/**
 * What the page of a server is like for a person. With a folder as its argument, a checkout of this repository that is built, the
 * pages of both are visited in turns, each from a server and a database of its own: what else the machine does meanwhile meets both alike.
 */
const [BESIDE] = process.argv.slice(2)

/** How often the page is opened anew, and how many older messages are scrolled to. */
const VISITS = 10
const OLDER = 3000

/** How far each frame scrolls, in pixels: as fast as a wheel that is spun. */
const STEP = 120

/** How long a phase may take, in milliseconds. The longest takes a third of it. */
const PATIENCE = 90_000

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
  /** Waits until the next frame has been drawn: what is measured in it is in sight only then. */
  const drawn = async () => {
    await frame()
    await new Promise((resolve) => setTimeout(resolve))
  }
  /** From doing something until the newest message, which has the text, has been drawn. */
  const shows = async (act, text = "") => {
    const began = performance.now()
    act()
    do await drawn()
    while (!isInSight(text))
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

/** Where the page stands, for a phase that does not end. */
const STANDING = `JSON.stringify(Object.fromEntries([".list", ".history"].flatMap((selector) => {
  const box = document.querySelector(selector)
  if (box === null) return []
  const rows = [...box.querySelectorAll(".conversation, .message")].map(({ textContent }) => textContent)
  return [[selector, { top: box.scrollTop, height: box.scrollHeight, first: rows.at(0), last: rows.at(-1) }]]
})))`

/** Does something in a page. Fails when it takes too long, and says what the page shows then. */
const inTime = async <A>(page: Page, what: string, expression: string): Promise<A> => {
  const isOver = new AbortController()
  const late = async () => {
    await sleep(PATIENCE, undefined, { signal: isOver.signal })
    throw new Error(`${what}: not over after ${PATIENCE / 1000} s, at ${await page.evaluate(STANDING)}`)
  }
  try {
    return await Promise.race([evaluate<A>(page, expression), late()])
  } finally {
    isOver.abort()
  }
}

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

const measureFrames = async (page: Page, what: string, expression: string) => {
  const { times, most } = await inTime<Frames>(page, what, expression)
  const isSmooth = times.filter((time) => time < 20)
  const share = ((100 * isSmooth.length) / times.length).toFixed(1)
  show(`a frame, ${what}`, times, `; ${share} % within 20 ms; at most ${most} elements`)
}

/** Notes when the first conversation has been drawn. The page notes it itself: asking it from outside takes longer while it is busy. */
const LIST_SHOWN = `() => {
  globalThis.listShown = new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      if (document.querySelector(".conversation") === null) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
    }).observe(document, { childList: true, subtree: true })
  })
}`

const openPage = async (browser: Browser, url: string) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const accounts = JSON.stringify(JSON.stringify([{ userId: READER }]))
  await context.addInitScript(`sessionStorage.setItem("minichat.accounts", ${accounts})`)
  await context.addInitScript(`(${LIST_SHOWN})()`)
  const page = await context.newPage()
  await page.goto(url, { waitUntil: "commit" })
  await page.locator(".conversation").first().waitFor()
  const shown = await page.evaluate<number>("listShown")
  return { page, shown, close: () => context.close() }
}

const FOR_A_WHILE = "(_, times) => times >= 300"
const FIRST = 'document.querySelector(".conversation").click()'

const FIRST_STEPS = [
  "from the address to the list of conversations",
  `opening a conversation of ${MESSAGES.toLocaleString("en")} messages`,
  "from Enter to the message on the screen"
]

/** What a person sees first, in a browser that knows nothing: how long each step took, in milliseconds. */
const visit = async (browser: Browser, url: string, number: number) => {
  const { page, shown, close } = await openPage(browser, url)
  const opened = await inTime<number>(page, "opening a conversation", `shows(() => ${FIRST})`)
  const text = `echo ${number}`
  await page.getByLabel(/^Message to/).fill(text)
  const send = 'document.querySelector(".composer .primary").click()'
  const echo = await inTime<number>(page, "sending a message", `shows(() => ${send}, "${text}")`)
  await page.locator(".message .ticks").first().waitFor()
  await close()
  return [shown, opened, echo]
}

/** Visits pages in turns; the last one is this one's, and is compared with the one before. */
const visits = async (browser: Browser, urls: ReadonlyArray<string>) => {
  const taken = urls.map((): Array<ReadonlyArray<number>> => [])
  for (let number = 0; number < VISITS; number++)
    for (const [i, url] of urls.entries()) taken[i]!.push(await visit(browser, url, number))
  for (const [step, what] of FIRST_STEPS.entries()) {
    const times = taken.map((visited) => visited.map((steps) => steps[step]!))
    const medians = times.map((values) => quantile(values, 0.5))
    for (const values of times.slice(0, -1)) show(`${what}, there`, values)
    show(what, times.at(-1)!, medians.length > 1 ? `; ${(medians[1]! / medians[0]!).toFixed(2)}×` : "")
  }
}

const list = async (browser: Browser, url: string) => {
  const { page, close } = await openPage(browser, url)
  const loaded = `scroll(".list", 100000, (box) => box.scrollHeight > ${CONVERSATIONS} * 50)`
  await measureFrames(page, `while ${CONVERSATIONS.toLocaleString("en")} conversations are loaded`, loaded)
  await evaluate(page, 'document.querySelector(".list").scrollTo(0, 0)')
  await measureFrames(page, "scrolling through them", `scroll(".list", ${STEP}, ${FOR_A_WHILE})`)
  await close()
}

const history = async (browser: Browser, url: string) => {
  const { page, close } = await openPage(browser, url)
  await inTime(page, "opening a conversation", `shows(() => ${FIRST})`)
  // By what is shown: a page that always loads in time is never seen at the end of what is loaded.
  const older = `scroll(".history", -${STEP}, (box) =>
    Number(/Message (\\d+)/.exec(box.querySelector(".message").textContent)?.[1]) <= ${MESSAGES - OLDER})`
  await measureFrames(page, `scrolling up to ${OLDER.toLocaleString("en")} older messages`, older)
  await measureFrames(page, "scrolling down again", `scroll(".history", ${STEP}, ${FOR_A_WHILE})`)
  await close()
}

/** A server of a checkout on a database of its own, which has the messages. */
const startServer = async (folder: string, postgres: Postgres, logFile: string) => {
  const databaseUrl = await postgres.createDatabase()
  const server = await ServerProcess.start(
    {
      entry: join(folder, "src/main.ts"),
      env: { DATABASE_URL: databaseUrl, RATE_LIMITS: "off" },
      logFile
    },
    new AbortController().signal
  )
  await seed(databaseUrl)
  return server
}

const main = async () => {
  await using postgres = await Postgres.connect()
  const folder = await mkdtemp(join(tmpdir(), "minichat-bench-page-"))
  try {
    await using servers = new AsyncDisposableStack()
    const urls: Array<string> = []
    for (const checkout of [...(BESIDE === undefined ? [] : [resolve(BESIDE)]), "."]) {
      const server = servers.use(await startServer(checkout, postgres, join(folder, `log-${urls.length}`)))
      urls.push(`http://${server.host}:${server.port}/`)
    }
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
    try {
      console.log(`Chromium ${browser.version()}`)
      await visits(browser, urls)
      await list(browser, urls.at(-1)!)
      await history(browser, urls.at(-1)!)
    } finally {
      await browser.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
