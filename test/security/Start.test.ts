import { existsSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Console, Effect, Exit, Layer, Logger, Option, Redacted } from "effect"
import { AppConfig, type Settings } from "../../src/AppConfig.ts"
import * as Server from "../../src/Server.ts"
import { logDefects, startErrors } from "../../src/Start.ts"
import { emptyDataDir, settings } from "../support/Services.ts"
import { makeKeys } from "./support/Tokens.ts"

/** What a start that fails says on standard error, line by line. */
const complaints = Effect.fnUntraced(function* <A, R>(program: Parameters<typeof startErrors<A, R>>[0]) {
  const lines: Array<string> = []
  const console = {
    ...globalThis.console,
    error: (line: string) => lines.push(line)
  } as unknown as Console.Console
  const exit = yield* Effect.exit(Effect.provideService(startErrors(program), Console.Console, console))
  assert.isTrue(Exit.isFailure(exit), "it starts")
  return lines
})

const readSettings = (environment: Record<string, string>) =>
  AppConfig.pipe(
    Effect.provide(
      Layer.provide(AppConfig.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(environment)))
    )
  )

it.effect("a defect, which no operator can mend, is logged with its stack", () =>
  Effect.gen(function* () {
    const logged: Array<unknown> = []
    const logger = Logger.make(({ logLevel, message }) => logged.push([logLevel, message]))
    const defect = new Error("a defect of the test")

    yield* Effect.exit(logDefects(Effect.die(defect))).pipe(Effect.provide(Logger.layer([logger])))

    assert.deepEqual(logged, [["Fatal", ["Mini Chat failed", defect]]])
  })
)

describe("a wrong setting stops the start with one line that names it", () => {
  const wrong: ReadonlyArray<readonly [variable: string, value: string, says: RegExp]> = [
    ["TRUSTED_PROXIES", "10.0.0.0/33", /addresses or networks.*"10\.0\.0\.0\/33" is not one/],
    ["TRUSTED_PROXIES", "10.0.0.0/", /"10\.0\.0\.0\/" is not one/],
    ["TRUSTED_PROXIES", "::1, proxy.internal", /"proxy\.internal" is not one/],
    ["CORS_ORIGINS", "app.example.com", /origins like https.*"app\.example\.com" is not one/],
    ["CORS_ORIGINS", "https://a.example, https://b.example/path", /"https:\/\/b\.example\/path" is not one/],
    ["CORS_ORIGINS", "null", /"null" is not one/],
    ["CORS_ORIGINS", "https://*.com", /"https:\/\/\*\.com" is not one/],
    ["CORS_ORIGINS", "https://app*.example.com", /"https:\/\/app\*\.example\.com" is not one/],
    ["CORS_ORIGINS", "https://*.*.example.com", /is not one/],
    ["CORS_ORIGINS", "wss://app.example.com", /is not one/],
    ["CORS_ORIGINS", "file:///index.html", /is not one/],
    ["CORS_ORIGINS", "capacitor://localhost/path", /is not one/],
    ["PUBLIC_URL", "chat.example.com", /must be a URL like https/],
    ["HEADERS_TIMEOUT", "0 seconds", /from "1 millis" to "1 hour"/],
    ["REQUEST_TIMEOUT", "Infinity", /from "1 millis" to "1 hour"/],
    ["MAX_BODY_BYTES", "0", /from 1024 to 10485760/],
    ["MAX_FRAME_BYTES", "64k", /from 1024 to 10485760|whole number/],
    ["MAX_FRAME_FRAGMENTS", "0", /from 1 to 65536/],
    ["MAX_SOCKETS_PER_USER", "0", /from 1 to 1000000/],
    ["MAX_SOCKETS", "-1", /from 1 to 1000000/],
    ["SENDS_PER_SECOND", "0", /from 1 to 1000000/],
    ["SENDS_BURST", "1.5", /whole number/],
    ["REQUESTS_PER_SECOND", "many", /from 1 to 1000000|whole number/],
    ["AUTH", "on", /open.*required/],
    ["RATE_LIMITS", "yes", /auto.*on.*off/],
    ["JWT_SECRET", "planted-secret", /at least 32 bytes/],
    ["JWT_JWKS_URL", "file:///planted-secret", /must be a URL like https/],
    ["DATABASE_URL", "mysql://user:planted-secret@host/db", /must be a URL like postgresql/],
    ["REDIS_URL", "http://:planted-secret@host", /must be a URL like redis/],
    ["REDIS_PREFIX", "{chat}:", /no braces/]
  ]
  for (const [variable, value, says] of wrong) {
    it.effect(`${variable}=${value}`, () =>
      Effect.gen(function* () {
        const lines = yield* complaints(readSettings({ [variable]: value }))
        assert.lengthOf(lines, 1)
        assert.notInclude(lines[0]!, "\n")
        assert.include(lines[0]!, `Mini Chat cannot start. A setting is wrong: ${variable}`)
        assert.match(lines[0]!, says)
        assert.notInclude(lines[0]!, "planted-secret")
      })
    )
  }
})

it.effect("every limit has the default that the documentation gives", () =>
  Effect.gen(function* () {
    const defaults = yield* readSettings({})
    assert.include(defaults, {
      host: "127.0.0.1",
      auth: "open",
      rateLimits: "auto",
      maxBodyBytes: 65_536,
      maxFrameBytes: 65_536,
      maxFrameFragments: 64,
      maxSocketsPerUser: 100,
      maxSockets: 20_000,
      sendsPerSecond: 20,
      sendsBurst: 200,
      requestsPerSecond: 200
    })
    assert.deepStrictEqual(defaults.corsOrigins, [])
    assert.deepStrictEqual(defaults.trustedProxies, [])
  })
)

it.live("a data folder that is a file stops the start with one line that names its setting", () =>
  Effect.gen(function* () {
    const start = Layer.build(Layer.provide(Server.layer, settings({ dataDir: import.meta.filename })))
    const lines = yield* complaints(start)
    assert.lengthOf(lines, 1)
    assert.notInclude(lines[0]!, "\n")
    assert.match(lines[0]!, /^Mini Chat cannot start\. .*DATA_DIR/)
  })
)

describe("AUTH=required refuses to start, before it opens a database", () => {
  const refused = (given: (pem: string) => Partial<Settings>, says: RegExp) =>
    Effect.gen(function* () {
      const { pem } = yield* makeKeys()
      const { dataDir } = yield* emptyDataDir
      const start = Layer.build(
        Layer.provide(Server.layer, settings({ dataDir, auth: "required", ...given(pem) }))
      )
      const lines = yield* complaints(start)
      assert.lengthOf(lines, 1)
      assert.match(lines[0]!, says)
      assert.isFalse(existsSync(dataDir))
    })

  const secret = Redacted.make("0123456789abcdef0123456789abcdef")

  it.live("without a key", () =>
    refused(() => ({}), /JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL; 0 are set/)
  )

  it.live("with two keys", () =>
    refused((pem) => ({ jwtSecret: Option.some(secret), jwtPublicKey: Option.some(pem) }), /2 are set/)
  )

  it.live("with a public key that is none", () =>
    refused(() => ({ jwtPublicKey: Option.some("-----BEGIN") }), /JWT_PUBLIC_KEY is not a public key/)
  )
})

it.effect("every kind of origin that a page can have may be listed", () =>
  Effect.gen(function* () {
    const origins = [
      "*",
      "https://app.example.com",
      "https://*.example.com",
      "capacitor://localhost",
      "ionic://localhost",
      "tauri://localhost",
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
      "moz-extension://6f8b5b3c-0a4c-4c7b-9d0e-2f1f3c1a5b7d"
    ]
    const { corsOrigins } = yield* readSettings({ CORS_ORIGINS: origins.join(", ") })
    assert.deepStrictEqual(corsOrigins, origins)
  })
)
