import { Effect, Schema } from "effect"
import type { Call, Request } from "./Endpoints.ts"
import type { Tokens } from "./Token.ts"
import { reasonOf, Unreachable } from "./Unreachable.ts"

/** The server answered, and not with what was asked for. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Finite,
  /** The last part of the problem's `type`, such as `not-member`; a stable word. The status when the answer is not the server's. */
  code: Schema.String,
  /** A sentence for a person. */
  message: Schema.String,
  /** When the call may be repeated, in milliseconds; `undefined` when repeating it is of no use. */
  retryAfter: Schema.UndefinedOr(Schema.Finite)
}) {}

export type RestError = Refused | Unreachable

/** What the client does not send, as the server would refuse it. */
export const invalid = (message: string) =>
  new Refused({ status: 0, code: "invalid", message, retryAfter: undefined })

/** Calls an endpoint of the contract. */
export type Rest = <E>(call: Call<E>, request: Request<E>) => Effect.Effect<Answer<Call<E>>, RestError>

type Answer<C> = C extends { readonly answer: Schema.Decoder<infer A> } ? A : never

const Problem = Schema.Struct({
  type: Schema.optionalKey(Schema.String),
  title: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  retry_after_ms: Schema.optionalKey(Schema.Finite)
})
const PROBLEM = "urn:minichat:problem:"
const decodeProblem = Schema.decodeUnknownEffect(Problem)

/** How long one call may take, in milliseconds. Its answer is not waited for longer. */
const PATIENCE = 15_000

/** How long a download may take, in milliseconds. */
const DOWNLOAD_PATIENCE = 600_000

/** As much of a download's end as holds its last line, in bytes. */
const LAST_LINE = 100

/** When a call is repeated that the server could not carry out and did not say when, in milliseconds. */
const RETRY = 1000

/** Makes the function that calls a server. A call that is refused for its token is made once more with a new one. */
export const make =
  (url: string, tokens: Tokens): Rest =>
  (call, request) =>
    Effect.flatMap(answered(url, tokens, call, request as Parts, parsed, PATIENCE), (body) =>
      Schema.decodeUnknownEffect(call.answer)(body).pipe(
        Effect.mapError(
          (error) => new Unreachable({ message: `${url} answered what is no answer: ${error.message}` })
        )
      )
    ) as Effect.Effect<Answer<typeof call>, RestError>

/** Downloads what an endpoint of the contract answers in lines, the last of which has the type `end`. */
export type Download = <E>(call: Call<E>, request: Request<E>) => Effect.Effect<Blob, RestError>

/** Makes the function that downloads from a server. A browser keeps what came on its disk when it is much. */
export const makeDownload =
  (url: string, tokens: Tokens): Download =>
  (call, request) =>
    Effect.gen(function* () {
      const read = (response: Response) => response.blob()
      const blob = yield* answered(url, tokens, call, request as Parts, read, DOWNLOAD_PATIENCE)
      const end = yield* Effect.promise(() => blob.slice(-LAST_LINE).text())
      return /\{"type":"end"[^{}]*\}\s*$/.test(end)
        ? blob
        : yield* new Unreachable({ message: "The download ended before all of it had come" })
    })

/** Calls a server: what it answered, read by `read`. */
const answered = <A>(
  url: string,
  tokens: Tokens,
  { method, path }: Call<unknown>,
  request: Parts,
  read: (response: Response) => Promise<A>,
  patience: number
) => {
  const once = Effect.fnUntraced(function* (token: string | undefined) {
    const { response, body } = yield* fetched(url + address(path, request), patience, read, {
      method,
      headers: {
        accept: "application/json, application/x-ndjson",
        ...(request.payload === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      // `undefined` without a payload.
      body: JSON.stringify(request.payload) ?? null
    })
    return response.ok ? (body as A) : yield* refused(response, body)
  })
  return Effect.gen(function* () {
    const token = yield* tokens.current
    return yield* once(token).pipe(
      Effect.catchIf(
        (error) =>
          error._tag === "Refused" && error.status === 401 && token !== undefined && tokens.isRenewable,
        () => Effect.flatMap(tokens.renewed(token!), once)
      )
    )
  })
}

interface Parts {
  readonly params?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly payload?: unknown
}

const address = (path: string, { params = {}, query = {} }: Parts): string => {
  const search = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(value!)}`)
    .join("&")
  return (
    path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name]!)) +
    (search && `?${search}`)
  )
}

const fetched = <A>(
  url: string,
  patience: number,
  read: (response: Response) => Promise<A>,
  init: RequestInit
) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { ...init, signal })
      return { response, body: await (response.ok ? read(response) : parsed(response)) }
    },
    catch: (cause) =>
      new Unreachable({ message: `${new URL(url).origin} does not answer: ${reasonOf(cause)}` })
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.fail(
          new Unreachable({ message: `${new URL(url).origin} did not answer within ${patience / 1000} s` })
        )
    })
  )

const parsed = async (response: Response): Promise<unknown> => {
  const text = await response.text()
  try {
    return text === "" ? undefined : JSON.parse(text)
  } catch {
    // A page of a proxy.
    return undefined
  }
}

const refused = Effect.fnUntraced(function* ({ status, headers }: Response, body: unknown) {
  const problem = yield* Effect.orElseSucceed(decodeProblem(body), (): typeof Problem.Type => ({}))
  const seconds = Number(headers.get("retry-after"))
  const isTemporary = status === 429 || status >= 500
  return yield* new Refused({
    status,
    code: problem.type?.startsWith(PROBLEM) ? problem.type.slice(PROBLEM.length) : String(status),
    message: problem.detail ?? problem.title ?? `The server answered ${status}`,
    retryAfter: isTemporary ? (problem.retry_after_ms ?? (seconds > 0 ? seconds * 1000 : RETRY)) : undefined
  })
})
