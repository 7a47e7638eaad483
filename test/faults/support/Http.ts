import { Effect } from "effect"

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: string
}

/** One request as it is, without a retry, for tests of the answer itself. */
export const request = (url: string, init: RequestInit = {}): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { signal, ...init })
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      body: await response.text()
    }
  })

export const post = (url: string, body: unknown): Effect.Effect<Answer> =>
  request(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
