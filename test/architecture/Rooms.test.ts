import { assert, describe, it } from "@effect/vitest"
import { circles, roomOf, type SourceFile, sourceFiles } from "./Imports.ts"

/**
 * The rooms of src, from the ground up, each with those that it stands on. A room may import the rooms that it stands on,
 * and those that they stand on.
 */
const STANDS_ON: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  api: ["domain"],
  "api/openapi": ["api"],
  client: ["api"],
  "RedisUrl.ts": [],
  "Epoch.ts": ["domain"],
  settings: [],
  "AppConfig.ts": ["RedisUrl.ts", "settings"],
  "Lifecycle.ts": ["domain"],
  "RequestContext.ts": [],
  observability: ["domain"],
  database: ["AppConfig.ts", "Epoch.ts", "observability"],
  redis: ["AppConfig.ts", "Epoch.ts", "observability"],
  repo: ["database"],
  presence: ["redis"],
  inbox: ["api", "repo", "redis", "presence", "Lifecycle.ts"],
  chat: ["inbox"],
  webhooks: ["repo", "redis"],
  access: ["redis", "repo"],
  http: ["api/openapi", "access", "chat", "RequestContext.ts"],
  realtime: ["api", "access", "chat", "RequestContext.ts"],
  "Workers.ts": ["AppConfig.ts", "observability", "Lifecycle.ts"],
  "Start.ts": ["access", "database", "webhooks", "Workers.ts"],
  "NodeServer.ts": ["http", "realtime"],
  "Services.ts": ["http", "realtime", "webhooks"],
  "Server.ts": ["NodeServer.ts", "Services.ts", "Workers.ts"],
  "main.ts": ["Server.ts", "Start.ts"]
}

/** What the programs beside the server may import of it. */
const PROGRAMS: Readonly<Record<string, ReadonlyArray<string>>> = {
  bench: ["repo"],
  verify: ["api"],
  scripts: ["Start.ts"],
  web: ["client"]
}

const below = (rooms: ReadonlyArray<string>): ReadonlySet<string> => {
  const reached = new Set(rooms)
  for (const room of reached) for (const next of STANDS_ON[room] ?? []) reached.add(next)
  return reached
}

const source = sourceFiles("src")

/** The imports from `files` into other rooms of src that are none of those that they may import. */
const forbidden = (files: ReadonlyArray<SourceFile>, allowed: (file: SourceFile) => ReadonlySet<string>) =>
  files.flatMap((file) => {
    const rooms = allowed(file)
    return file.imports
      .filter((imported) => imported.startsWith("src/") && roomOf(imported) !== roomOf(file.path))
      .filter((imported) => !rooms.has(roomOf(imported)))
      .map((imported) => `${file.path} → ${imported}`)
  })

describe("the rooms", () => {
  it("of src are all in the table, and the table has no other", () => {
    assert.sameMembers([...new Set(source.map(({ path }) => roomOf(path)))], Object.keys(STANDS_ON))
  })

  it("import only the rooms that they stand on", () => {
    const arrows = forbidden(source, ({ path }) => below(STANDS_ON[roomOf(path)] ?? []))
    assert.deepEqual(arrows, [])
  })

  it("do not see bench, verify, scripts or web, which see of src what they may", () => {
    for (const [program, rooms] of Object.entries(PROGRAMS)) {
      assert.deepEqual(
        forbidden(sourceFiles(program), () => below(rooms)),
        []
      )
    }
    assert.deepEqual(
      source.flatMap(({ imports }) => imports).filter((imported) => !imported.startsWith("src/")),
      []
    )
  })

  it("do not make the table a circle", () => {
    for (const room of Object.keys(STANDS_ON)) {
      assert.isFalse(below(STANDS_ON[room]!).has(room), room)
    }
  })
})

it.each(["src", "bench", "verify", "scripts", "web"])(
  "no files of %s import one another in a circle",
  (folder) => {
    assert.deepEqual(circles(sourceFiles(folder)), [])
  }
)

it("api and domain run in a browser: they name nothing of Node", () => {
  const shared = source.filter(({ path }) => /^src\/(api|domain)\//.test(path))
  assert.isAbove(shared.length, 10)
  const named = shared.filter(
    ({ text, packages }) =>
      packages.some((name) => name.startsWith("node:") || name.startsWith("@effect/platform-node")) ||
      /\b(Buffer\b|NodeJS\.|process\.)/.test(withoutComments(text))
  )
  assert.deepEqual(
    named.map(({ path }) => path),
    []
  )
})

const withoutComments = (text: string) => text.replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, "")

it("the page sees of the client only what applications see", () => {
  const seen = sourceFiles("web").flatMap(({ imports }) => imports.filter((name) => name.startsWith("src/")))
  assert.deepEqual([...new Set(seen)], ["src/client/MiniChat.ts"])
})
