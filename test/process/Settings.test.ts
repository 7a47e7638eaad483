import { assert, it } from "@effect/vitest"
import { ConfigProvider, Console, Context, Duration, Effect, Layer } from "effect"
import { AppConfig } from "../../src/AppConfig.ts"
import { startErrors } from "../../src/Start.ts"

/** What an operator reads who starts the server with these environment variables. */
const complaints = (settings: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* Layer.build(AppConfig.layer).pipe(
      startErrors,
      Effect.provideService(Console.Console, {
        ...globalThis.console,
        error: (line: string) => lines.push(line)
      }),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: settings }))),
      Effect.ignore
    )
    return lines
  })

it.effect.each([
  ["PORT", "abc", "a whole number from 0 to 65535"],
  ["PORT", "65536", "a whole number from 0 to 65535"],
  ["PORT", "-1", "a whole number from 0 to 65535"],
  ["PORT", "80.5", "a whole number from 0 to 65535"],
  ["MAX_GROUP_MEMBERS", "1", "a whole number from 2 to 1000"],
  ["MAX_GROUP_MEMBERS", "1001", "a whole number from 2 to 1000"],
  ["WORKERS", "many", "auto"],
  ["WORKERS", "0", "auto"],
  ["DATABASE_URL", "s3cret", "a URL like postgresql://"],
  ["DATABASE_URL", "mysql://root:s3cret@localhost/chat", "a URL like postgresql://"],
  ["DATABASE_POOL_SIZE", "0", "a whole number from 1 to 1000"],
  ["DATABASE_CONNECT_TIMEOUT", "soon", "1 hour"],
  ["DATABASE_CONNECT_TIMEOUT", "2 hours", "1 hour"],
  ["REDIS_URL", "http://:s3cret@localhost:6379", "a URL like redis://"],
  ["REDIS_CLUSTER", "perhaps", "true"],
  ["INBOX_RETENTION", "long", "36500 days"],
  ["INBOX_RETENTION", "-30 days", "1 second"],
  ["INBOX_RETENTION", "Infinity", "36500 days"],
  ["DRAIN_TIMEOUT", "soon", "1 hour"],
  ["DRAIN_TIMEOUT", "Infinity", "1 hour"],
  ["SLOW_READER_TIMEOUT", "0 seconds", "1 millis"],
  ["MAX_BODY_BYTES", "1", "a whole number from 1024 to"],
  ["LOG_LEVEL", "loud", "Info"],
  ["LOG_FORMAT", "xml", "json"],
  ["AUTH", "maybe", "required"],
  ["JWT_SECRET", "s3cret", "at least 32 bytes"],
  ["WEBHOOK_URL", "ftp://s3cret.example.com", "http or https URLs"],
  ["WEBHOOK_URL", "https://a.example.com, s3cret", "http or https URLs"],
  ["WEBHOOK_URL", "https://user:s3cret@a.example.com", "no user and password"],
  ["WEBHOOK_SECRET", "s3cret", "whsec_ and 24 to 64 bytes in base64"],
  ["WEBHOOK_SECRET", "whsec_c2VjcmV0", "whsec_ and 24 to 64 bytes in base64"],
  ["CORS_ORIGINS", "example.com", "example.com"],
  ["TRUSTED_PROXIES", "nobody", "nobody"]
] as const)("%s=%s is refused in one line that names it", ([variable, value, what]) =>
  Effect.gen(function* () {
    const lines = yield* complaints({ [variable]: value })
    assert.lengthOf(lines, 1)
    assert.match(lines[0]!, new RegExp(`^Mini Chat cannot start\\. A setting is wrong: ${variable}\\b`))
    assert.include(lines[0], what)
    assert.notInclude(lines[0], "\n")
    assert.notInclude(lines[0], "s3cret")
  })
)

it.effect("settings are taken as they are meant", () =>
  Effect.gen(function* () {
    const context = yield* Layer.build(AppConfig.layer).pipe(
      Effect.provide(
        ConfigProvider.layer(
          ConfigProvider.fromEnv({
            env: {
              PORT: "0",
              WORKERS: "auto",
              DRAIN_TIMEOUT: "0 seconds",
              DATABASE_CONNECT_TIMEOUT: "1 hour"
            }
          })
        )
      )
    )
    const { port, workers, drainTimeout, databaseConnectTimeout } = Context.get(context, AppConfig)
    assert.deepEqual([port, workers], [0, "auto"])
    assert.deepEqual([drainTimeout, databaseConnectTimeout].map(Duration.toMillis), [0, 3_600_000])
  })
)

it.effect("nothing is wrong with no setting, and an empty one counts as none", () =>
  Effect.gen(function* () {
    assert.isEmpty(yield* complaints({}))
    assert.isEmpty(yield* complaints({ PORT: "", DATABASE_URL: "", REDIS_URL: "", JWT_SECRET: "" }))
  })
)
