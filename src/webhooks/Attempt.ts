import { Duration, Effect } from "effect"
import { VERSION } from "../domain/Version.ts"

/** How many bytes of an answer are read, so that its connection can be used again. */
const ANSWER_BYTES = 64 * 1024

/** How a receiver answered, or why it did not. */
export interface Answer {
  readonly status: number | undefined
  /** For a person: the status, or what went wrong. */
  readonly reason: string
  readonly retryAfter: Duration.Duration | undefined
}

/**
 * Posts a payload and answers how the receiver took it; never fails. Redirects are not followed: they would take a signed payload to a
 * host that no setting names. Of the body a bounded part is read and thrown away.
 */
export const attempt = (
  url: string,
  headers: Readonly<Record<string, string>>,
  payload: string,
  within: Duration.Duration
): Effect.Effect<Answer> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        headers: { "content-type": "application/json", "user-agent": `minichat/${VERSION}`, ...headers },
        body: payload,
        signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(Duration.toMillis(within)))])
      })
      // The status is the answer, whatever becomes of the body.
      await drain(response).catch(() => {})
      return toAnswer(response, Date.now())
    },
    catch: reasonOf
  }).pipe(
    Effect.catch((reason) => Effect.succeed<Answer>({ status: undefined, reason, retryAfter: undefined }))
  )

const drain = async (response: Response): Promise<void> => {
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the body, and with it the connection.
    if (bytes > ANSWER_BYTES) return
  }
}

const toAnswer = ({ status, headers }: Response, now: number): Answer => ({
  status,
  reason: status >= 300 && status < 400 ? `${status} (redirects are not followed)` : String(status),
  retryAfter: retryAfterOf(headers.get("retry-after"), now)
})

/** Seconds, or a date. */
const retryAfterOf = (header: string | null, now: number): Duration.Duration | undefined => {
  if (header === null) return undefined
  if (/^\d{1,9}$/.test(header)) return Duration.seconds(Number(header))
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - now))
}

const reasonOf = (error: unknown): string => {
  if (error instanceof Error && error.name === "TimeoutError") return "no answer in time"
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code
  return error instanceof Error ? error.message : String(error)
}
