import { Effect, Schedule } from "effect"
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey
} from "jose"

/** How often the keys at `JWT_JWKS_URL` are fetched again. A token with an unknown key id fetches them at once. */
const REFRESH_KEYS = "10 minutes"

/**
 * The key set at a URL. `key` searches the cached keys; `fetched` fetches the key set again for a key id that is not cached. The
 * cached keys have no maximum age: while the endpoint is unavailable, they stay in use.
 */
export const fetchedKeys = Effect.fnUntraced(function* (url: string) {
  const keys = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    timeoutDuration: 5000,
    cooldownDuration: 10_000,
    [customFetch]: fetchBounded
  })
  const refresh = Effect.tryPromise({ try: () => keys.reload(), catch: reasonOf }).pipe(
    Effect.catch((reason) =>
      Effect.logWarning(
        `The keys at JWT_JWKS_URL could not be fetched: ${reason}. Those that were fetched before stay in use`
      )
    )
  )
  yield* Effect.forkScoped(Effect.repeat(refresh, Schedule.spaced(REFRESH_KEYS)))
  let known: { readonly set: JSONWebKeySet; readonly key: JWTVerifyGetKey } | undefined
  const key: JWTVerifyGetKey = (header, token) => {
    const set = keys.jwks()
    if (set === undefined) return Promise.reject(new errors.JWKSNoMatchingKey())
    if (known?.set !== set) known = { set, key: createLocalJWKSet(set) }
    return known.key(header, token)
  }
  return { key, fetched: keys satisfies JWTVerifyGetKey as JWTVerifyGetKey }
})

/** The error of the network, which `fetch` wraps, or the fault of the answer. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof errors.JWKSTimeout) return "no answer in time"
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}

/** How many bytes a set of keys may have. */
const KEY_SET_BYTES = 1024 * 1024

/** Fetches a key set, and reads at most `KEY_SET_BYTES` of it. */
const fetchBounded = async (url: string, options: RequestInit): Promise<Response> => {
  const response = await fetch(url, options)
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > KEY_SET_BYTES)
      throw new errors.JWKSInvalid(`The key set has more than ${KEY_SET_BYTES} bytes`)
    chunks.push(chunk)
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers })
}
