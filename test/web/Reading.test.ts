import { existsSync } from "node:fs"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { expect } from "vitest"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUsers, send } from "../http/ChatServer.ts"
import { CHROMIUM } from "../support/Chromium.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { Chromium, inPage, openChat, write } from "./Pages.ts"

/** What an expression is once the page has drawn what it knows. In text, as these files know no browser. */
const drawn = <A>(page: Page, expression: string) =>
  page.evaluate<A>(`(async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame)
    return ${expression}
  })()`)

/** Refuses some requests of a page for now, as a busy server does, until it is told to let them through. */
const refusing = async (page: Page, requests: RegExp) => {
  let isBusy = true
  await page.route(requests, (route) =>
    isBusy
      ? route.fulfill({
          status: 503,
          contentType: "application/problem+json",
          body: '{"type":"urn:minichat:problem:unavailable","title":"Busy","status":503,"retry_after_ms":50}'
        })
      : route.continue()
  )
  return () => {
    isBusy = false
  }
}

/** Waits until something is so. */
const become = (isSo: () => unknown) => expect.poll(isSo, { timeout: 30_000 }).toBe(true)

/** Of the topmost message that is wholly in sight: which one it is, and how far below the top edge it stands. */
const TOPMOST = `(() => {
  const box = document.querySelector(".history").getBoundingClientRect()
  const all = [...document.querySelectorAll("[data-message]")]
  const shown = all.find((message) => message.getBoundingClientRect().top >= box.top)
  return { id: shown.dataset.message, top: Math.round(shown.getBoundingClientRect().top - box.top) }
})()`
const topOf = (id: string) =>
  `Math.round(document.querySelector('[data-message="${id}"]').getBoundingClientRect().top - document.querySelector(".history").getBoundingClientRect().top)`

/** Scrolls so far up that older messages are loaded: where it stands then, while there is nothing else to do. */
const SCROLLED_UP = `(() => {
  const box = document.querySelector(".history")
  box.scrollTo(0, 300)
  return box.scrollTop
})()`

/** Scrolls up in the frame in which the first messages are drawn, as soon as they are there. */
const SCROLLED_AT_ONCE = `
  new MutationObserver((_, observer) => {
    if (document.querySelector(".message") === null) return
    observer.disconnect()
    requestAnimationFrame(() => document.querySelector(".history").scrollTo(0, 10))
  }).observe(document, { childList: true, subtree: true })`

/** Collects the messages that are drawn, also those that are gone in the same frame. */
const DRAWN_MESSAGES = `
  globalThis.drawnMessages = []
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        for (const message of node.querySelectorAll?.(".message") ?? []) drawnMessages.push(message.textContent)
  }).observe(document, { childList: true, subtree: true })`

/** Opens the first conversation: what a click on its newest message meets in the frame that draws it first. */
const CLICKED_AT_ONCE = `(async () => {
  document.querySelector(".conversation").click()
  while (true) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
    const newest = [...document.querySelectorAll(".message")].at(-1)
    if (!newest?.checkVisibility({ visibilityProperty: true })) continue
    const { left, top, width, height } = newest.querySelector(".text").getBoundingClientRect()
    return document.elementFromPoint(left + width / 2, top + height / 2).closest(".message")?.textContent ?? "nothing"
  }
})()`

/** Focuses a link above what is in sight: how far below the top edge it stands then. */
const FOCUSED_ABOVE = `await (async () => {
  const top = document.querySelector(".history").getBoundingClientRect().top
  const link = [...document.querySelectorAll(".message a")].find((link) => link.getBoundingClientRect().bottom < top)
  link.focus()
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame)
  return link.getBoundingClientRect().top - top
})()`

/** As many elements as the history and the list may have in the page, however much of them is loaded: those of two screens. */
const HISTORY_BOUND = 300
const LIST_BOUND = 160

layer(ChatServer.layer, { excludeTestServices: true })("the page", (it) => {
  describe.runIf(existsSync(CHROMIUM))("in a browser", { timeout: 120_000 }, () => {
    it.layer(Chromium.layer)((it) => {
      it.effect("keeps what is read in its place while older messages are loaded above it", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          const count = 200
          yield* Effect.forEach(
            Array.from({ length: count }, (_, i) => `message ${i} ${"long ".repeat((i * 7) % 40)}`),
            (text) => send(b!, a!, text),
            { concurrency: 1 }
          )
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            /** Answers with older messages wait until the test has seen where the page stands. */
            const asked: Array<() => void> = []
            await page.route(/before_id=/, async (route) => {
              await new Promise<void>((resolve) => asked.push(resolve))
              await route.continue()
            })
            await page.getByRole("button", { name: b!.display_name }).click()
            await page
              .locator(".message")
              .getByText(`message ${count - 1}`)
              .waitFor()
            for (let loaded = 50; loaded < count; loaded += 50) {
              await become(async () => {
                await drawn<number>(page, SCROLLED_UP)
                const top = await drawn<number>(page, 'document.querySelector(".history").scrollTop')
                return asked.length === loaded / 50 && top === 300
              })
              const before = await drawn<{ id: string; top: number }>(page, TOPMOST)
              asked.at(-1)!()
              await become(() => page.evaluate('document.querySelector(".history").scrollTop > 1000'))
              assert.approximately(await drawn<number>(page, topOf(before.id)), before.top, 1)
              assert.isBelow(await page.locator(".history *").count(), HISTORY_BOUND)
              // Nobody hears messages again because they scroll.
              assert.strictEqual(await page.getByRole("log").getAttribute("aria-live"), "off")
            }
            await page.evaluate('document.querySelector(".history").scrollTo(0, 0)')
            await page.locator(".message").getByText("message 0", { exact: true }).waitFor()
          })
        })
      )

      it.effect(
        "asks once for messages when a conversation is opened that is higher than three screens",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            for (let i = 0; i < 60; i++) yield* send(b!, a!, `message ${i} ${"long ".repeat(80)}`)
            const { page } = yield* openChat(server.url, [a!.id])
            yield* inPage(page, async (page) => {
              const asked: Array<string> = []
              page.on("request", (request) => {
                if (request.url().includes("/messages/?")) asked.push(request.url())
              })
              await page.getByRole("button", { name: b!.display_name }).click()
              await page.locator(".message").getByText("message 59").waitFor()
              await drawn(page, "undefined")
              assert.lengthOf(asked, 1)
              await drawn(page, SCROLLED_UP)
              await become(() => asked.length === 2)
            })
          })
      )

      it.effect("draws the newest messages of a conversation at once, and no older ones before them", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          for (let i = 0; i < 50; i++) yield* send(b!, a!, `message ${i} ${"long ".repeat(20)}`)
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.evaluate(DRAWN_MESSAGES)
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").getByText("message 49").waitFor()
            const texts = await drawn<ReadonlyArray<string>>(page, "drawnMessages")
            const numbers = texts.map((text) => Number(/message (\d+)/.exec(text)?.[1]))
            assert.include(numbers, 49)
            assert.isAbove(Math.min(...numbers), 20)
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect(
        "begins to load a conversation that is likely to be selected, and forgets the one before",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b, c, d] = yield* newUsers(4)
            const ids: Array<number> = []
            for (const user of [b!, c!, d!]) {
              const { conversation_id } = yield* send(user, a!, `message of ${user.id}`)
              ids.push(conversation_id!)
            }
            const [ofB, ofC, ofD] = ids
            const asked: Array<number> = []
            const { page } = yield* openChat(server.url, [a!.id], {
              before: async (page) => {
                page.on("request", (request) => {
                  const id = /\/messages\/\?.*conversation_id=(\d+)/.exec(request.url())?.[1]
                  if (id !== undefined) asked.push(Number(id))
                })
              }
            })
            yield* inPage(page, async (page) => {
              const row = (user: User) => page.getByRole("button", { name: user.display_name })
              // The latest activity.
              await become(() => asked.length === 1)
              await row(c!).hover()
              await become(() => asked.length === 2)
              await row(d!).hover()
              await become(() => asked.length === 3)
              await row(b!).dispatchEvent("pointerdown", { pointerType: "mouse", button: 0 })
              await become(() => asked.length === 4)
              assert.strictEqual(await page.locator(".history").count(), 0)
              await row(b!).click()
              await page.locator(".message").getByText(`message of ${b!.id}`).waitFor()
              await row(d!).click()
              await page.locator(".message").getByText(`message of ${d!.id}`).waitFor()
              assert.deepEqual(asked, [ofD, ofC, ofD, ofB])
            })
          })
      )

      it.effect("takes a click on a message as soon as it is drawn", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          for (let i = 0; i < 40; i++) yield* send(b!, a!, `message ${i}`)
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).waitFor()
            const met = await page.evaluate<string>(CLICKED_AT_ONCE)
            assert.include(met, "message 39")
          })
        })
      )

      it.effect("stays where somebody scrolled to before the first messages were measured", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          for (let i = 0; i < 40; i++) yield* send(b!, a!, `message ${i} https://example.com/${i}`)
          const { page } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.evaluate(SCROLLED_AT_ONCE)
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.getByRole("button", { name: "Newest" }).waitFor()
            await page.locator(".message").getByText("message 0 ").waitFor()
            // The end is a thousand pixels further down; what is in sight keeps its place while it is measured.
            assert.isBelow(await drawn<number>(page, 'document.querySelector(".history").scrollTop'), 300)

            await page.getByRole("button", { name: "Newest" }).click()
            await page.locator(".message").getByText("message 39 ").waitFor()
            // As Shift+Tab does: the browser scrolls to what has the focus.
            assert.isAtLeast(await drawn<number>(page, FOCUSED_ABOVE), 0)
          })
        })
      )

      it.effect("has a screen's worth of a long list of conversations, and loads it on the way down", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [reader, ...others] = yield* newUsers(61)
          for (const other of others)
            yield* ask("POST", "/conversations/", {
              json: { user_id: reader!.id, kind: "direct", with: other.id }
            })
          const { page, complaints } = yield* openChat(server.url, [reader!.id])
          yield* inPage(page, async (page) => {
            const list = page.getByRole("navigation").getByRole("list")
            const last = list.getByRole("button", { name: others[0]!.display_name })
            await list.getByRole("button", { name: others.at(-1)!.display_name }).waitFor()
            while ((await last.count()) === 0) {
              await drawn(page, 'document.querySelector(".list").scrollTo(0, 1e9)')
              assert.isBelow(await page.locator(".list *").count(), LIST_BOUND)
            }
            assert.strictEqual(await list.getByRole("listitem").last().getAttribute("aria-posinset"), "60")
            await last.click()
            await page.getByLabel(/^Message to/).waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect("leads to the first message that was not read, and back to the newest", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          const read = yield* send(b!, a!, "read")
          const { client } = yield* ChatServer
          yield* client.conversations.read({
            params: { conversation_id: read.conversation_id! },
            payload: { user_id: a!.id, message_id: read.id }
          })
          for (let i = 1; i <= 60; i++) yield* send(b!, a!, `unread ${i}`)
          const { page, complaints } = yield* openChat(server.url, [a!.id])
          yield* inPage(page, async (page) => {
            await page.getByRole("button", { name: b!.display_name }).click()
            await page.locator(".message").getByText("unread 60", { exact: true }).waitFor()
            await page.getByRole("button", { name: "60 new" }).click()
            await page.getByText("New messages").waitFor()
            await page.locator(".message").getByText("unread 1", { exact: true }).waitFor()
            await page.getByRole("button", { name: "60 new" }).waitFor({ state: "detached" })
            await page.getByRole("button", { name: "Newest" }).click()
            await page.locator(".message").getByText("unread 60", { exact: true }).waitFor()
          })
          assert.deepEqual(complaints, [])
        })
      )

      it.effect(
        "raises no alarm about older messages that cannot be loaded, and loads them once it can",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            for (let i = 0; i < 60; i++) yield* send(b!, a!, `message ${i}`)
            const { page } = yield* openChat(server.url, [a!.id])
            yield* inPage(page, async (page) => {
              await page.route(/before_id=/, (route) => route.abort())
              const failed = page.waitForEvent("requestfailed", (request) =>
                request.url().includes("before_id=")
              )
              await page.getByRole("button", { name: b!.display_name }).click()
              await page.locator(".message").getByText("message 59").waitFor()
              await page.evaluate('document.querySelector(".history").scrollTo(0, 100)')
              await failed
              assert.strictEqual(await drawn(page, 'document.querySelectorAll("[role=alert]").length'), 0)
              await page.unroute(/before_id=/)
              await become(async () => {
                for (const top of [50, 0])
                  await drawn(page, `document.querySelector(".history").scrollTo(0, ${top})`)
                return (await page.locator(".message").getByText("message 0", { exact: true }).count()) === 1
              })
            })
          })
      )

      it.effect(
        "asks again for older messages that a busy server refused, where nobody can scroll any further",
        () =>
          Effect.gen(function* () {
            const { server } = yield* ChatServer
            const [a, b] = yield* newUsers(2)
            for (let i = 0; i < 60; i++) yield* send(b!, a!, `message ${i}`)
            const { page } = yield* openChat(server.url, [a!.id])
            yield* inPage(page, async (page) => {
              const answerAgain = await refusing(page, /before_id=/)
              await page.getByRole("button", { name: b!.display_name }).click()
              await page.locator(".message").getByText("message 59").waitFor()
              await become(async () => {
                await page.evaluate('document.querySelector(".history").scrollTo(0, 0)')
                return (await drawn(page, 'document.querySelector(".history").scrollTop')) === 0
              })
              // Measuring what came into sight has ended by then: no event of the page asks for messages any more.
              for (let i = 0; i < 10; i++) await drawn(page, "undefined")
              answerAgain()
              await become(() => page.evaluate('document.querySelector(".history").scrollTop > 0'))
            })
          })
      )

      it.effect("asks again for conversations that a busy server refused, at the end of the list", () =>
        Effect.gen(function* () {
          const { server, ask } = yield* ChatServer
          const [reader, ...others] = yield* newUsers(61)
          for (const other of others)
            yield* ask("POST", "/conversations/", {
              json: { user_id: reader!.id, kind: "direct", with: other.id }
            })
          const { page } = yield* openChat(server.url, [reader!.id], {
            before: async (page) => {
              const answerAgain = await refusing(page, /\/conversations\/.*before=/)
              await page.exposeFunction("answerAgain", answerAgain)
            }
          })
          yield* inPage(page, async (page) => {
            const list = page.getByRole("navigation").getByRole("list")
            await list.getByRole("button", { name: others.at(-1)!.display_name }).waitFor()
            const end = await drawn<number>(
              page,
              '(document.querySelector(".list").scrollTo(0, 1e9), document.querySelector(".list").scrollHeight)'
            )
            await drawn(page, "answerAgain()")
            await become(
              async () => (await drawn<number>(page, 'document.querySelector(".list").scrollHeight')) > end
            )
          })
        })
      )

      it.effect("says the same of what is unread on two devices", () =>
        Effect.gen(function* () {
          const { server } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "one")
          const devices = [yield* openChat(server.url, [a!.id]), yield* openChat(server.url, [a!.id])]
          for (const { page } of devices) yield* inPage(page, (page) => page.getByText("1 unread").waitFor())
          yield* send(b!, a!, "two")
          for (const { page } of devices) yield* inPage(page, (page) => page.getByText("2 unread").waitFor())
          yield* inPage(devices[0]!.page, (page) =>
            page.getByRole("button", { name: b!.display_name }).click()
          )
          for (const { page } of devices)
            yield* inPage(page, (page) => page.locator(".count").waitFor({ state: "detached" }))
          for (const { complaints } of devices) assert.deepEqual(complaints, [])
        })
      )

      it.effect("in two tabs shows what waits in both, and sends it once", () =>
        Effect.gen(function* () {
          const { server, client } = yield* ChatServer
          const [a, b] = yield* newUsers(2)
          yield* send(b!, a!, "first")
          const proxy = yield* tcpProxy(new URL(server.url))
          const { page } = yield* openChat(proxy.url.href, [a!.id])
          const other = yield* Effect.promise(async () => {
            const other = await page.context().newPage()
            await other.goto(proxy.url.href)
            return other
          })
          for (const tab of [page, other])
            yield* inPage(tab, async (tab) => {
              await tab.getByRole("button", { name: b!.display_name }).click()
              await tab.locator(".message").getByText("first").waitFor()
            })
          yield* proxy.cut
          yield* inPage(page, (page) => page.getByText("You are offline").waitFor())
          const texts = ["from one", "from the other", "from one again"]
          for (const [text, tab] of texts.map((text, i) => [text, i % 2 === 0 ? page : other] as const))
            yield* inPage(tab, async (tab) => {
              await write(tab, text)
              for (const each of [page, other])
                await each.locator('[data-state="queued"]').getByText(text, { exact: true }).waitFor()
            })
          yield* proxy.restore
          for (const tab of [page, other])
            yield* inPage(tab, async (tab) => {
              // As the browser says when the device has found a network.
              await tab.evaluate('dispatchEvent(new Event("online"))')
              await tab.locator("[data-state]").first().waitFor({ state: "detached" })
              await tab.locator(".message").nth(3).waitFor()
              assert.strictEqual(await tab.locator(".message").count(), 4)
            })
          const messages = yield* client.messages.history({ query: { user_id: a!.id, chat_with: b!.id } })
          assert.deepEqual(
            messages.map(({ content }) => content),
            [...texts.toReversed(), "first"]
          )
        })
      )
    })
  })
})
