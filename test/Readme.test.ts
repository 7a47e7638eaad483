import { execFile } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CloseCode, SUSPENDED } from "../src/api/CloseCode.ts"
import { closeCodes } from "../src/api/openapi/LiveEvents.ts"
import { ERASED } from "../src/domain/Disconnect.ts"

const ROOT = join(import.meta.dirname, "..")
const read = (path: string) => readFileSync(join(ROOT, path), "utf8")
const README = read("README.md")
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...globSync("docs/*.md", { cwd: ROOT })
]

/** What a command of the README writes, as a shell runs it. */
const run = (command: string, env: Record<string, string>) =>
  Effect.callback<string>((resume) => {
    execFile(
      "sh",
      ["-c", command],
      { cwd: ROOT, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } },
      (error, stdout) => resume(error === null ? Effect.succeed(stdout) : Effect.die(error))
    )
  })

describe("the README and its pages", () => {
  it("lists the close codes that the API's documentation lists, in the same words", () => {
    const rows = read("docs/API.md")
      .match(/^\| \d{4} .*$/gm)!
      .map((row) => row.replace(/ +/g, " "))
    assert.deepStrictEqual(rows, closeCodes)
  })

  it("says which close codes end the sockets of a token, of a suspended and of an erased user", () => {
    const text = read("docs/API.md").replace(/\s+/g, " ")
    assert.include(
      text,
      `a token expires or is taken back, its sockets are closed with ${CloseCode.unauthorized.code}`
    )
    assert.include(
      text,
      `a suspended user are closed with ${SUSPENDED.code}, those of an erased user with ${ERASED}`
    )
  })

  it("names tests that there are", () => {
    const titles = globSync("test/**/*.test.ts", { cwd: ROOT }).map(read).join("\n")
    const [, file, pattern] = /`npx vitest run (test\/\S+)`.*`npx vitest run -t "([^"]+)"`/s.exec(README)!
    assert.isTrue(existsSync(join(ROOT, file!)))
    assert.match(titles, new RegExp(`\\bit\\S*\\("[^"]*${pattern}`))
  })

  it("names scripts that there are", () => {
    const { scripts } = JSON.parse(read("package.json"))
    const named = [...README.matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)].map(([, name]) => name!)
    assert.isAbove(named.length, 5)
    for (const name of named) assert.property(scripts, name)
  })

  const commands = [...README.matchAll(/\bnpm run .*?token -- (?:--[a-z]+(?: \w+)? ?)+/g)].map(([command]) =>
    command.trim()
  )

  it("shows how to make a token", () => {
    assert.isAtLeast(commands.length, 2)
  })

  it.live.each(commands)(
    "shows a command that prints a token and nothing else: %s",
    (command) =>
      Effect.gen(function* () {
        const stdout = yield* run(command, { JWT_SECRET: "a secret of at least thirty-two bytes" })
        assert.match(stdout, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/)
      }),
    60_000
  )
})

it.each(PAGES)("%s links to files that there are", (page) => {
  for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
    assert.isTrue(existsSync(join(ROOT, dirname(page), target!)), target)
  }
})
