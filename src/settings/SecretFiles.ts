import { readFileSync } from "node:fs"
import { ConfigProvider, Effect } from "effect"

/** The settings that may stand in a file, which the variable with `_FILE` at its end names. */
export const SECRETS = [
  "DATABASE_URL",
  "REDIS_URL",
  "JWT_SECRET",
  "JWT_PUBLIC_KEY",
  "WEBHOOK_SECRET",
  "OTEL_EXPORTER_OTLP_HEADERS"
] as const

export const fileOf = (secret: string): string => `${secret}_FILE`

const isSecret = (name: unknown): name is string => SECRETS.some((secret) => secret === name)

const fail = (message: string) => Effect.fail(new ConfigProvider.SourceError({ message }))

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const textOf = (file: string) => readFileSync(file, "utf8").replace(/[\r\n]+$/, "")

/** The content of a file; `undefined` when it cannot be read or is empty, as it is while it is replaced. */
export const secretIn = (file: string): string | undefined => {
  try {
    return textOf(file) || undefined
  } catch {
    return undefined
  }
}

/**
 * A provider that also reads secrets from files: with `JWT_SECRET_FILE=/run/secrets/jwt` the file has
 * the value of `JWT_SECRET`. Line breaks at the end of a file are dropped. Fails when both are set, and when a file cannot be read or is empty.
 */
export const withSecretFiles = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider => {
  const valueOf = (name: string) => Effect.map(provider.load([name]), (node) => node?.value || undefined)
  const load = Effect.fnUntraced(function* (name: string) {
    const variable = fileOf(name)
    const file = yield* valueOf(variable)
    if (file === undefined) return yield* provider.load([name])
    if ((yield* valueOf(name)) !== undefined) {
      return yield* fail(`${name} and ${variable} are both set; set one of them`)
    }
    const secret = yield* Effect.try({
      try: () => textOf(file),
      catch: (error) =>
        new ConfigProvider.SourceError({ message: `${variable} cannot be read: ${messageOf(error)}` })
    })
    return secret === ""
      ? yield* fail(`${variable} is an empty file: ${file}`)
      : ConfigProvider.makeValue(secret)
  })
  return ConfigProvider.make(([name, ...rest]) =>
    rest.length === 0 && isSecret(name)
      ? load(name)
      : provider.load(name === undefined ? rest : [name, ...rest])
  )
}
