import { Effect, Schema } from "effect"
import type { Call, Request } from "./Endpoints.ts"
import type { Tokens } from "./Token.ts"
import { reasonOf, Unreachable } from "./Unreachable.ts"

/** The server answered, and not with what was asked for. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Finite,
  /** The last part of the problem's `type`, such as `not-member`; a stable word. */
  code: Schema.String,
  /** A sentence for a person. */
  message: Schema.String,
  /** When the call may be repeated, in milliseconds; `undefined` when repeating it is of no use. */
  retryAfter: Schema.UndefinedOr(Schema.Finite)
}) {}

export type RestError = Refused | Unreachable

/** Calls an endpoint of the contract. */
export type Rest = <E>(call: Call<E>, request: Request<E>) => Effect.Effect<Answer<Call<E>>, RestError>

type Answer<C> = C extends { readonly answer: Schema.Decoder<infer A> } ? A : never

const Problem = Schema.Struct({
  type: Schema.optionalKey(Schema.String),
  title: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  retry_after_ms: Schema.optionalKey(Schema.Finite)
})
const decodeProblem = Schema.decodeUnknownEffect(Problem)

/** How long one call may take, in milliseconds. Its answer is not waited for longer. */
const PATIENCE = 15_000

/** When a call is repeated that the server could not carry out and did not say when, in milliseconds. */
const RETRY = 1000

/** Makes the function that calls a server. A call that is refused for its token is made once more with a new one. */
export const make = (url: string, tokens: Tokens): Rest => {
  const once = Effect.fnUntraced(function* <E>(
    call: Call<E>,
    request: Parts,
    token: string | undefined
  ): Effect.fn.Return<Answer<Call<E>>, RestError> {
    const response = yield* fetched(url + address(call.path, request), {
      method: call.method,
      headers: {
        accept: "application/json",
        ...(request.payload === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      ...(request.payload === undefined ? {} : { body: JSON.stringify(request.payload) })
    })
    if (!response.ok) return yield* refused(response)
    return (yield* Schema.decodeUnknownEffect(call.answer)(response.body).pipe(
      Effect.mapError(
        (error) => new Unreachable({ message: `${url} answered what is no answer: ${error.message}` })
      )
    )) as Answer<Call<E>>
  })

  return (call, request) =>
    Effect.gen(function* () {
      const token = yield* tokens.current
      return yield* once(call, request as Parts, token).pipe(
        Effect.catchIf(
          (error) =>
            error._tag === "Refused" && error.status === 401 && token !== undefined && tokens.isRenewable,
          () => Effect.flatMap(tokens.renewed(token!), (renewed) => once(call, request as Parts, renewed))
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

const fetched = (url: string, init: RequestInit) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { ...init, signal })
      const text = await response.text()
      return { ok: response.ok, status: response.status, headers: response.headers, body: parsed(text) }
    },
    catch: (cause) =>
      new Unreachable({ message: `${new URL(url).origin} does not answer: ${reasonOf(cause)}` })
  }).pipe(
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () =>
        Effect.fail(
          new Unreachable({ message: `${new URL(url).origin} did not answer within ${PATIENCE / 1000} s` })
        )
    })
  )

const parsed = (text: string): unknown => {
  try {
    return text === "" ? undefined : JSON.parse(text)
  } catch {
    // A page of a proxy.
    return undefined
  }
}

const refused = Effect.fnUntraced(function* (response: { status: number; headers: Headers; body: unknown }) {
  const { status, headers, body } = response
  const problem = yield* Effect.orElseSucceed(decodeProblem(body), (): typeof Problem.Type => ({}))
  const seconds = Number(headers.get("retry-after"))
  const isTemporary = status === 429 || status >= 500
  return yield* new Refused({
    status,
    code: problem.type?.split(":").at(-1) ?? String(status),
    message: problem.detail ?? problem.title ?? `The server answered ${status}`,
    retryAfter: isTemporary ? (problem.retry_after_ms ?? (seconds > 0 ? seconds * 1000 : RETRY)) : undefined
  })
})
