import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Console, Context, Effect, FileSystem, Layer, Option, Redacted } from "effect"
import { AppConfig } from "../../src/AppConfig.ts"
import { startErrors } from "../../src/Start.ts"

const SECRET = "0123456789abcdef0123456789abcdef"

/** A file with this text, removed with the scope. */
const file = (text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = join(yield* fs.makeTempDirectoryScoped({ prefix: "minichat-test-" }), "secret")
    writeFileSync(path, text)
    return path
  }).pipe(Effect.provide(NodeFileSystem.layer))

const settings = (env: Readonly<Record<string, string>>) =>
  Layer.build(AppConfig.layer).pipe(
    Effect.map(Context.get(AppConfig)),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
  )

/** What the start says instead of starting. */
const refusal = (env: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const console = { ...globalThis.console, error: (line: string) => lines.push(line) }
    yield* settings(env).pipe(startErrors, Effect.provideService(Console.Console, console), Effect.flip)
    return lines
  })

describe("a secret in a file", () => {
  it.effect("is read at the start, without the line break at its end", () =>
    Effect.gen(function* () {
      const read = yield* settings({
        DATABASE_URL_FILE: yield* file("postgresql://chat:pass@db/chat\n"),
        REDIS_URL_FILE: yield* file("redis://:pass@cache\r\n"),
        JWT_SECRET_FILE: yield* file(SECRET),
        JWT_PUBLIC_KEY_FILE: yield* file("-----BEGIN\nkey\n-----END\n"),
        OTEL_EXPORTER_OTLP_HEADERS_FILE: yield* file("authorization=Bearer%20abc,x-tenant=chat\n")
      })
      const revealed = (value: Option.Option<Redacted.Redacted>) => Redacted.value(Option.getOrThrow(value))
      assert.strictEqual(revealed(read.databaseUrl), "postgresql://chat:pass@db/chat")
      assert.strictEqual(revealed(read.redisUrl), "redis://:pass@cache")
      assert.strictEqual(revealed(read.jwtSecret), SECRET)
      assert.deepStrictEqual(read.jwtPublicKey, Option.some("-----BEGIN\nkey\n-----END"))
      assert.deepStrictEqual(Redacted.value(read.otlpHeaders), {
        authorization: "Bearer abc",
        "x-tenant": "chat"
      })
    })
  )

  it.effect("is refused beside the same secret in the environment, by both names", () =>
    Effect.gen(function* () {
      const lines = yield* refusal({ JWT_SECRET: SECRET, JWT_SECRET_FILE: yield* file(SECRET) })
      assert.deepStrictEqual(lines, [
        "Mini Chat cannot start. A setting is wrong: JWT_SECRET and JWT_SECRET_FILE are both set; set one of them"
      ])
    })
  )

  it.effect("counts when the variable itself is empty", () =>
    Effect.gen(function* () {
      const { jwtSecret } = yield* settings({ JWT_SECRET: "", JWT_SECRET_FILE: yield* file(SECRET) })
      assert.isTrue(Option.isSome(jwtSecret))
    })
  )

  it.effect("is refused with the system's own words when it cannot be read, and when it is empty", () =>
    Effect.gen(function* () {
      const missing = yield* refusal({ DATABASE_URL_FILE: "/nowhere/url" })
      assert.deepStrictEqual(missing, [
        "Mini Chat cannot start. A setting is wrong: DATABASE_URL_FILE cannot be read: ENOENT: no such file or directory, open '/nowhere/url'"
      ])
      const [empty] = yield* refusal({ DATABASE_URL_FILE: yield* file("\n") })
      assert.match(empty!, /DATABASE_URL_FILE is an empty file/)
    })
  )

  it.effect("must be what the variable must be, and is not shown", () =>
    Effect.gen(function* () {
      const [line] = yield* refusal({ DATABASE_URL_FILE: yield* file("mysql://root:s3cret@db") })
      assert.match(line!, /DATABASE_URL: must be a URL like postgresql/)
      assert.notInclude(line!, "s3cret")
    })
  )
})
