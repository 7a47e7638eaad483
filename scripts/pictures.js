// Takes the pictures of the page in docs/images, of a server that runs with an empty database: node scripts/pictures.js URL FOLDER
import { mkdirSync } from "node:fs"
import { chromium } from "playwright-core"

const [, , url = "http://localhost:8000", folder = "docs/images"] = process.argv
mkdirSync(folder, { recursive: true })

const post = async (path, body, method = "POST") => {
  const response = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  if (!response.ok) throw new Error(await response.text())
  return response.status === 204 ? undefined : response.json()
}
const suffix = Math.random().toString(36).slice(2, 8)
const people = []
for (const name of ["Ada Okafor", "Ben Larsen", "Chiara Rossi", "Daniel Kim", "Eva Novak"])
  people.push(await post("/users/", { username: name.split(" ")[0].toLowerCase(), display_name: name }))
const [ada, ben, chiara, daniel, eva] = people.map(({ id }) => id)
const say = (from, to, content, more = {}) => post("/messages/", { sender_id: from, ...to, content, ...more })
await say(eva, { receiver_id: ada }, "The tickets are here: https://example.com/tickets")
await say(daniel, { receiver_id: ada }, "See you at nine?")
const group = await post("/conversations/", {
  user_id: ada,
  kind: "group",
  title: "Sunday hike",
  member_ids: [ben, chiara, daniel],
  client_id: suffix
})
const inGroup = { conversation_id: group.id }
await say(ada, inGroup, "Which way do we take on Sunday?")
await say(ben, inGroup, "The one along the lake. It is flat, and there is a café at the end.")
await say(chiara, inGroup, "Yes please, lake!")
const picnic = await say(chiara, inGroup, "I bring lunch for everybody.")
const first = await say(ben, { receiver_id: ada }, "Morning! Did the release go out?")
await say(ada, { receiver_id: ben }, "It did, at eight. No alarms so far.")
await say(ada, { receiver_id: ben }, "Nothing was lost while we restarted the nodes.", {
  reply_to_id: first.id
})
const last = await say(ben, { receiver_id: ada }, "Perfect. Then I close my laptop and have breakfast.")
await post(`/messages/${last.id}/reactions/${encodeURIComponent("❤️")}?user_id=${ada}`, {}, "PUT")
await post(`/messages/${picnic.id}/reactions/${encodeURIComponent("😂")}?user_id=${ben}`, {}, "PUT")
await post(`/messages/${picnic.id}/reactions/${encodeURIComponent("😂")}?user_id=${ada}`, {}, "PUT")
await say(ben, { receiver_id: ada }, "Call me if anything turns red")

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] })
const shot = async (name, size, colorScheme, users, use) => {
  const context = await browser.newContext({ viewport: size, colorScheme })
  await context.addInitScript(
    (accounts) =>
      sessionStorage.getItem("minichat.accounts") ?? sessionStorage.setItem("minichat.accounts", accounts),
    JSON.stringify(users.map((userId) => ({ userId })))
  )
  const page = await context.newPage()
  page.on("console", (message) => message.type() === "error" && console.error(name, message.text()))
  page.on("pageerror", (error) => console.error(name, error))
  await page.goto(url)
  await use(page, context)
  await page.screenshot({ path: `${folder}/${name}.png` })
  await context.close()
}
const open = (title) => async (page) => {
  await page.locator(".conversation", { hasText: title }).first().click()
  await page.locator(".message").first().waitFor()
  await page.mouse.move(0, 0)
  await page.waitForFunction(() => document.querySelectorAll(".dot").length > 0)
}
const desktop = { width: 1180, height: 720 }
const phone = { width: 360, height: 720 }
const all = {
  start: () => shot("start", desktop, "light", [], (page) => page.locator(".person").first().waitFor()),
  "desktop-light": () => shot("desktop-light", desktop, "light", [ada], open("Ben")),
  "desktop-dark": () => shot("desktop-dark", desktop, "dark", [ada], open("Sunday")),
  two: () => shot("two", desktop, "light", [ada, ben], (page) => page.locator(".message").nth(5).waitFor()),
  "phone-list": () =>
    shot("phone-list", phone, "light", [ada], (page) => page.locator(".conversation").first().waitFor()),
  phone: () => shot("phone", phone, "dark", [ada], open("Ben")),
  empty: () =>
    shot("empty", desktop, "light", [eva], (page) => page.locator(".conversation").first().waitFor()),
  members: () =>
    shot("members", desktop, "light", [ada], async (page) => {
      await open("Sunday")(page)
      await page.getByRole("button", { name: "Members" }).click()
      await page.getByText("Remove").first().waitFor()
    }),
  new: () =>
    shot("new", desktop, "dark", [ada], async (page) => {
      await page.getByRole("button", { name: "New chat" }).first().click()
      await page.locator(".person").first().waitFor()
    }),
  offline: () =>
    shot("offline", desktop, "light", [ada], async (page, context) => {
      await open("Ben")(page)
      await context.setOffline(true)
      await page.getByLabel(/Message to/).fill("This waits.")
      await page.keyboard.press("Enter")
      await page.locator("[data-state=queued], [data-state=sending]").waitFor()
      await page.locator(".message").last().hover()
    })
}
const dialog = (use) => async (page) => {
  if (page.viewportSize().width > 700) await open("Ben")(page)
  await use(page)
  await page.getByRole("dialog").waitFor()
  await page.waitForTimeout(300)
}
const profile = dialog((page) => page.getByTitle("Your profile").click())
Object.assign(all, {
  profile: () => shot("profile", desktop, "light", [ada], profile),
  "profile-dark": () => shot("profile-dark", phone, "dark", [ada], profile),
  delete: () =>
    shot("delete", desktop, "light", [ada], async (page) => {
      await profile(page)
      await page.getByRole("button", { name: "Delete my account" }).click()
      await page.getByLabel(/Type your username/).fill(people[0].username)
    }),
  "delete-phone": () =>
    shot("delete-phone", phone, "dark", [ada], async (page) => {
      await profile(page)
      await page.getByRole("button", { name: "Delete my account" }).click()
      await page.getByLabel(/Type your username/).fill("adam")
    }),
  peer: () =>
    shot(
      "peer",
      desktop,
      "dark",
      [ada],
      dialog((page) => page.getByLabel(/^About/).click())
    ),
  search: () =>
    shot("search", desktop, "light", [ada], async (page) => {
      await open("Sunday")(page)
      await page.getByLabel(/^Search/).fill("lunch")
      await page.getByText("I bring lunch").first().waitFor()
      await page.locator('.list[aria-busy="false"]').waitFor()
      await page.getByRole("button", { name: /I bring lunch/ }).click()
      await page.locator('[data-target="true"]').waitFor()
    }),
  "search-phone": () =>
    shot("search-phone", phone, "dark", [ada], async (page) => {
      await page.getByLabel(/^Search/).fill("e")
      await page.locator('.list[aria-busy="false"] h2').nth(1).waitFor()
    }),
  "search-none": () =>
    shot("search-none", desktop, "light", [ada], async (page) => {
      await page.getByLabel(/^Search/).fill("zebra crossing")
      await page.locator('.list[aria-busy="false"]').waitFor()
    }),
  actions: () =>
    shot("actions", desktop, "light", [ada], async (page) => {
      await open("Sunday")(page)
      await page.getByText("I bring lunch").last().hover()
      await page.getByRole("toolbar").waitFor()
    }),
  unread: () =>
    shot("unread", desktop, "dark", [daniel], async (page) => {
      for (let i = 1; i <= 40; i++) await say(eva, { receiver_id: daniel }, `Photo ${i} of the hike is up`)
      await open("Eva")(page)
    }),
  blocked: () =>
    shot("blocked", desktop, "light", [chiara], async (page) => {
      await say(eva, { receiver_id: chiara }, "Buy my coins!")
      await post(`/users/${chiara}/blocks/${eva}`, {}, "PUT")
      await page.reload()
      await open("Eva")(page)
      await page.getByText("You have blocked").waitFor()
    }),
  failed: () =>
    shot("failed", desktop, "dark", [eva], async (page) => {
      await open("Chiara")(page)
      await page.getByLabel(/Message to/).fill("Are you there?")
      await page.keyboard.press("Enter")
      await page.locator('[data-state="failed"]').waitFor()
    }),
  gone: () =>
    shot("gone", desktop, "light", [ben], async (page) => {
      const zoe = await post("/users/", { username: "zoe", display_name: "Zoe" })
      await say(zoe.id, { receiver_id: ben }, "Bye!")
      await say(ben, { receiver_id: zoe.id }, "Take care.")
      await post(`/users/${zoe.id}`, {}, "DELETE")
      await open("Deleted user")(page)
      await page.locator(".gone").waitFor()
    }),
  suspended: () =>
    shot("suspended", desktop, "light", [eva], async (page) => {
      await page.locator(".conversation").first().waitFor()
      await post(`/users/${eva}/suspension`, {}, "PUT")
      await page.locator(".banner.bad").waitFor()
      await post(`/users/${eva}/suspension`, {}, "DELETE")
    }),
  token: () => shot("token", phone, "light", [], (page) => page.locator(".person").first().waitFor()),
  readers: () =>
    shot("readers", desktop, "dark", [ada], async (page) => {
      await open("Sunday")(page)
      const read = { user_id: ben, message_id: picnic.id }
      await post(`/conversations/${group.id}/read`, read)
      await page.locator(".ticks b").first().waitFor()
      await page.getByText("Which way do we take").last().hover()
      await page.getByRole("button", { name: "Who has read it" }).click()
      await page.getByRole("dialog").waitFor()
    }),
  scripts: () =>
    shot("scripts", phone, "light", [ben], async (page) => {
      const name = "نور الهدى بنت عبد الرحمن من مدينة الإسكندرية الجميلة"
      const nour = await post("/users/", { username: "nour", display_name: name })
      const direct = { receiver_id: ben }
      await say(nour.id, direct, "مرحبا! هل وصلت الرسالة الأولى (version 2)؟")
      await say(ben, { receiver_id: nour.id }, "Yes: شكرا, it did.")
      await say(nour.id, direct, `${"Donaudampfschifffahrtsgesellschaft".repeat(4)} 🎉`)
      await say(nour.id, direct, "أراك غدا في الساعة 9:30 am.\nThe second line is English.")
      await open("نور")(page)
      await page.getByLabel(/Message to/).fill("سأكون هناك!")
    }),
  "scripts-list": () =>
    shot("scripts-list", phone, "dark", [ben], (page) => page.locator(".conversation").nth(3).waitFor()),
  help: () =>
    shot("help", desktop, "dark", [ada], async (page) => {
      await open("Ben")(page)
      await page.getByRole("button", { name: "Shortcuts" }).click()
      await page.getByRole("dialog").waitFor()
    })
})
const wanted = process.argv[4]?.split(",") ?? Object.keys(all)
for (const name of wanted) await all[name]().catch((error) => console.error(name, error.message))
await browser.close()
