import { Duration, Effect } from "effect"
import type { SqlError } from "effect/sql"
import { monotonicMillis } from "../domain/Timing.ts"

/** An error that did not occur for this long is over: when it comes back it is logged again. In milliseconds. */
const OVER_AFTER = Duration.toMillis(Duration.minutes(1))

/** How many errors are known at once, at most. */
const KNOWN = 100

/** What the database, or the network, said in the first place. */
export const rootCause = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error) return rootCause(cause)
  // A name with several addresses, of which none took a connection.
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors.at(-1))
  return error instanceof Error && error.message !== "" ? error.message : String(error)
}

/** The SQLSTATE of an error; empty when it is not the database's. */
export const codeOf = ({ reason: { cause } }: SqlError.SqlError): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : ""

/** PostgreSQL starts, stops, or has no room for a connection: classes 57P and 53, which the driver does not name. */
export const isUnreachable = (error: SqlError.SqlError): boolean => {
  const code = codeOf(error)
  return error.reason._tag === "ConnectionError" || code.startsWith("57P") || code.startsWith("53")
}

/**
 * Logs why statements fail, each reason once until it is over. What is to be tried again at once, as a deadlock or a lock that is
 * held, is no failure.
 */
export const makeLog = () => {
  const lastSeen = new Map<string, number>()
  return (error: SqlError.SqlError) =>
    Effect.flatMap(monotonicMillis, (now) => {
      const code = codeOf(error)
      // The message of an error of class 22 holds the value, which may be what a user wrote.
      const reason = code.startsWith("22") ? "a value is not valid" : rootCause(error)
      const isKnown = now - (lastSeen.get(reason) ?? Number.NEGATIVE_INFINITY) < OVER_AFTER
      if (!isKnown && lastSeen.size >= KNOWN) lastSeen.clear()
      lastSeen.set(reason, now)
      if (isKnown || (error.isRetryable && !isUnreachable(error))) return Effect.void
      return Effect.logError(`A statement failed: ${reason}${code === "" ? "" : ` (${code})`}`)
    })
}
