import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Redacted } from "effect"
import { secretIn } from "../settings/SecretFiles.ts"

/**
 * How to connect to the database of a URL. Where a file gave the URL, each connection takes the password that the file holds
 * then, so that a password can change while the server runs. Everything else stays as it was at the start.
 */
export const connectionOptions = (
  url: Redacted.Redacted,
  file: Option.Option<string>
): Pick<PgClient.PgPoolConfig, "url" | "password"> =>
  Option.match(file, {
    onNone: () => ({ url }),
    onSome: (path) => {
      let latest = passwordOf(Redacted.value(url))
      const password = Effect.sync(() => {
        const text = secretIn(path)
        if (text !== undefined && URL.canParse(text)) latest = passwordOf(text)
        return Redacted.make(latest)
      })
      return { url, password }
    }
  })

const passwordOf = (text: string): string => {
  const { password, searchParams } = new URL(text)
  return searchParams.get("password") ?? decodeURIComponent(password)
}
