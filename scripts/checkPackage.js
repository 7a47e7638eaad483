// Tries the packed client as an application would: what publint and Are The Types Wrong say of it, then two users who chat with a
// real server, on Node.js 22, on this Node.js and in Chromium, from folders that have the tarball and nothing else.
// node scripts/checkPackage.js [TARBALL]
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const ROOT = join(import.meta.dirname, "..")
const CHROMIUM = "/usr/bin/chromium"

const run = (
  /** @type {string} */ program,
  /** @type {Array<string>} */ args,
  /** @type {string} */ cwd = ROOT
) => execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
const bin = (/** @type {string} */ name) => join(ROOT, "node_modules/.bin", name)

/** Two users chat: the one sees what the other wrote. The same in Node.js and in a page. */
const PROGRAM = `
import { connect, fileStorage, memoryStorage } from "mini-chat/client"
export const chat = async (url, storage) => {
  const create = async (username) => (await fetch(url + "/users/", { method: "POST",
    headers: { "content-type": "application/json" }, body: JSON.stringify({ username }) })).json()
  const suffix = Math.random().toString(36).slice(2)
  const alice = await create("alice" + suffix)
  const bob = await create("bob" + suffix)
  const b = await connect({ url, userId: bob.id, storage: memoryStorage() })
  const events = b.events()
  for await (const state of b.states()) if (state.status.type === "online") break
  const a = await connect({ url, userId: alice.id, ...storage })
  const sent = await a.send({ userId: bob.id }, "hello")
  const { id } = await sent.acknowledged()
  for await (const event of events) {
    if (event.type !== "message") continue
    if (event.id !== id || event.content !== "hello") throw new Error("Not the message that was sent")
    break
  }
  await a.disconnect()
  await b.disconnect()
}
export { fileStorage }
`

const scratch = mkdtempSync(join(tmpdir(), "minichat-package-"))
const server = spawn(process.execPath, ["src/main.ts"], {
  cwd: ROOT,
  env: { PATH: process.env.PATH, PORT: "0", DATA_DIR: join(scratch, "data") },
  stdio: ["ignore", "pipe", "inherit"]
})
const step = async (/** @type {string} */ name, /** @type {() => unknown} */ work) => {
  const began = performance.now()
  await work()
  console.log(`${name}: fine (${Math.round(performance.now() - began)} ms)`)
}

try {
  const tarball =
    process.argv[2] ?? run(process.execPath, ["scripts/packClient.js"]).trim().split("\n").at(-1)
  await step("publint", () => run(bin("publint"), ["run", tarball, "--strict"]))
  await step("types", () => run(bin("attw"), [tarball, "--profile", "esm-only", "--format", "ascii"]))

  const folder = join(scratch, "application")
  const install = (/** @type {string} */ cwd, /** @type {Array<string>} */ ...packages) => {
    mkdirSync(cwd, { recursive: true })
    writeFileSync(join(cwd, "package.json"), '{ "type": "module" }')
    run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--silent", ...packages], cwd)
  }
  await step("npm install", () => {
    install(folder, tarball)
    const names = readdirSync(join(folder, "node_modules"))
    for (const name of ["ioredis", "jose", "ws", "@electric-sql"])
      if (names.includes(name)) throw new Error(`The client brought ${name}, which only the server needs`)
    writeFileSync(join(folder, "chat.js"), PROGRAM)
    writeFileSync(
      join(folder, "node.js"),
      'import { chat, fileStorage } from "./chat.js"\nawait chat(process.argv[2], { storage: fileStorage(process.argv[3]) })\n'
    )
  })
  await step("README", () => {
    const page = readFileSync(join(folder, "node_modules/mini-chat/README.md"), "utf8")
    const link = /\]\((?!https?:|#)[^)]*\)/.exec(page)
    if (link !== null) throw new Error(`The package has no page for the link ${link[0]}`)
  })
  const url = await new Promise((resolve, reject) => {
    let output = ""
    server.stdout.on("data", (text) => {
      output += text
      const found = /listens on (http:\/\/[^\s"]+)/.exec(output)
      if (found !== null) resolve(found[1])
    })
    server.once("exit", () => reject(new Error(`The server ended: ${output}`)))
  })

  const other = join(scratch, "node22")
  install(other, "node@22")
  for (const node of [join(other, "node_modules/node/bin/node"), process.execPath])
    await step(`Node.js ${run(node, ["--version"]).trim()}`, () =>
      run(node, ["node.js", url, join(scratch, "storage")], folder)
    )

  if (!existsSync(CHROMIUM)) console.log(`Chromium: not tested (there is no ${CHROMIUM})`)
  else await step("Chromium", () => inChromium(folder, url))
} finally {
  server.kill("SIGKILL")
  rmSync(scratch, { recursive: true, force: true })
}

async function inChromium(/** @type {string} */ folder, /** @type {string} */ url) {
  const { rolldown } = await import("rolldown")
  const { chromium } = await import("playwright-core")
  const build = await rolldown({ input: join(folder, "chat.js"), cwd: folder, platform: "browser" })
  const { output } = await build.generate({ format: "esm", codeSplitting: false })
  await build.close()
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] })
  try {
    const page = await browser.newPage()
    await page.goto(`${url}/livez`)
    const code = `${output[0].code}\nchat(location.origin, {}).then(() => { document.title = "fine" }, (error) => { document.title = String(error) })`
    await page.addScriptTag({ type: "module", content: code })
    await page.waitForFunction("document.title !== ''")
    const title = await page.title()
    if (title !== "fine") throw new Error(title)
  } finally {
    await browser.close()
  }
}
