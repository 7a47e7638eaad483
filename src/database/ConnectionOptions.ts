import { userInfo } from "node:os"
import type { PgConnection } from "@effect/sql-pg"
import { Effect, Option, Redacted, Result } from "effect"
import { type DatabaseUrl, readDatabaseUrl } from "../settings/DatabaseUrl.ts"
import { secretIn } from "../settings/SecretFiles.ts"

/**
 * How to log in to the database of a URL. Where a file gave the URL, each connection takes the password that the file holds
 * then, so that a password can change while the server runs. Everything else stays as it was at the start.
 */
export const loginOf = (url: DatabaseUrl, file: Option.Option<string>) => {
  const redacted = (password: string | undefined) =>
    password === undefined ? undefined : Redacted.make(password)
  let latest = url.password
  const current = (path: string) =>
    Effect.sync(() => {
      const read = readDatabaseUrl(secretIn(path) ?? "")
      if (Result.isSuccess(read)) latest = read.success.password
      return Redacted.make(latest ?? "")
    })
  return {
    username: url.username ?? systemUser(),
    password: Option.isSome(file) ? current(file.value) : redacted(url.password),
    database: url.database,
    applicationName: url.applicationName ?? "minichat",
    startupOptions: url.options
  } satisfies PgConnection.Config
}

/** As psql: without a user in the URL, the user that runs the server. None where the system does not know its name. */
const systemUser = () => {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
