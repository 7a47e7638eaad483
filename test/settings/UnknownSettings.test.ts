import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { settingNames } from "../../src/AppConfig.ts"
import { fileOf, SECRETS } from "../../src/settings/SecretFiles.ts"
import { unknownSettings } from "../../src/settings/UnknownSettings.ts"

const read = (name: string) => readFileSync(join(import.meta.dirname, "../..", name), "utf8")

const warnings = (...names: ReadonlyArray<string>) =>
  Effect.map(settingNames, (settings) =>
    unknownSettings(Object.fromEntries(names.map((name) => [name, "x"])), settings)
  )

describe("an environment variable that is no setting", () => {
  it.effect.each<[name: string, meant: string]>([
    ["DATABSE_URL", "DATABASE_URL"],
    ["DATABASE_URI", "DATABASE_URL"],
    ["JWT_SECERT", "JWT_SECRET"],
    ["JWT_SECRET_FLIE", "JWT_SECRET_FILE"],
    ["REDIS_URI", "REDIS_URL"],
    ["TRUSTED_PROXY", "TRUSTED_PROXIES"],
    ["CORS_ORIGIN", "CORS_ORIGINS"],
    ["LOGLEVEL", "LOG_LEVEL"],
    ["database_url", "DATABASE_URL"]
  ])("and looks like one is told, with the one that is meant: %s", ([name, meant]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* warnings(name), [
        `${name} is set, and is no setting of Mini Chat: it has no effect. Did you mean ${meant}?`
      ])
    })
  )

  it.effect("is passed over when it looks like none, or like one that is set", () =>
    Effect.gen(function* () {
      const common = [
        "PATH",
        "HOME",
        "HOSTNAME",
        "PWD",
        "TMPDIR",
        "PGHOST",
        "NODE_ENV",
        "API_PORT",
        "LOGNAME",
        "SHLVL"
      ]
      assert.deepStrictEqual(yield* warnings(...common, "REDIS_URL", "REDIS_URI"), [])
    })
  )
})

describe("every setting", () => {
  it.effect("is in docs/CONFIGURATION.md and in .env.example, which has no other for the server", () =>
    Effect.gen(function* () {
      const files = new Set(SECRETS.map(fileOf))
      const names = [...(yield* settingNames)].filter((name) => !files.has(name))
      const example = read(".env.example").split("# --- docker compose")[0]!
      // A line of prose may begin with a name, too.
      const listed = new Set([...example.matchAll(/^# ([A-Z_]+)=/gm)].map(([, name]) => name))
      assert.sameMembers([...listed], names)
      const page = read("docs/CONFIGURATION.md")
      for (const name of names) {
        const documented = name.replace(/^OTEL_EXPORTER_OTLP_(?!ENDPOINT)/, "_")
        assert.include(page, `\`${documented}\``)
      }
    })
  )

  it.effect("is handed on by docker-compose.yml, or .env.example says that it is not", () =>
    Effect.gen(function* () {
      const apart = ["HOST", "PORT", "DATA_DIR", "REDIS_CLUSTER", ...SECRETS.map(fileOf)]
      const names = [...(yield* settingNames)].filter((name) => !apart.includes(name))
      const [, environment] = /\n {2}api:.*?\n {4}environment:\n(.*?)\n {4}\w/s.exec(
        read("docker-compose.yml")
      )!
      const handedOn = [...environment!.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name]) => name)
      assert.sameMembers(handedOn, names)
    })
  )
})
