import { Context, Effect, Layer, Option, type Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { InboxEvent, Message } from "./Frame.ts"
import { type Outgoing, Refused, Unanswered } from "./Outgoing.ts"

const User = Schema.Struct({ id: Schema.Int, username: Schema.String })
const Events = Schema.Struct({
  events: Schema.Array(InboxEvent),
  cursor: Schema.Int,
  recovered: Schema.Boolean
})
const Recent = Schema.Struct({ messages: Schema.Array(Message) })
const Presence = Schema.Struct({ online: Schema.Boolean, connections: Schema.Int })
const Problem = Schema.Struct({ detail: Schema.String })

const TIMEOUT = "15 seconds"

type Failure = Refused | Unanswered
type Params = Readonly<Record<string, number>>

/** The server's REST calls, one attempt each. The first argument is the node to ask. */
export class Rest extends Context.Service<
  Rest,
  {
    readonly createUser: (url: string, username: string) => Effect.Effect<typeof User.Type, Failure>
    readonly send: (url: string, message: Outgoing) => Effect.Effect<Message, Failure>
    readonly events: (
      url: string,
      userId: number,
      page: { readonly since: number; readonly limit: number; readonly wait?: number }
    ) => Effect.Effect<typeof Events.Type, Failure>
    readonly history: (
      url: string,
      page: {
        readonly user_id: number
        readonly chat_with?: number
        readonly limit: number
        readonly skip?: number
        readonly before_id?: number
      }
    ) => Effect.Effect<ReadonlyArray<Message>, Failure>
    readonly recent: (url: string, userId: number) => Effect.Effect<ReadonlyArray<Message>, Failure>
    readonly presence: (url: string, userId: number) => Effect.Effect<typeof Presence.Type, Failure>
    /** The status of `GET /health`. */
    readonly health: (url: string) => Effect.Effect<number, Unanswered>
  }
>()("minichat/verify/Rest") {
  static readonly layer = (token: Option.Option<Redacted.Redacted>) =>
    Layer.effect(
      Rest,
      Effect.gen(function* () {
        const client = (yield* HttpClient.HttpClient).pipe(
          HttpClient.mapRequest((request) =>
            Option.match(token, {
              onNone: () => request,
              onSome: (value) => HttpClientRequest.bearerToken(request, value)
            })
          )
        )

        const execute = (request: HttpClientRequest.HttpClientRequest) =>
          client.execute(request).pipe(
            Effect.timeout(TIMEOUT),
            Effect.mapError((error) => new Unanswered({ reason: rootMessage(error), retryAfterMillis: 0 }))
          )

        const call = <S extends Schema.ConstraintDecoder<unknown>>(
          schema: S,
          request: HttpClientRequest.HttpClientRequest
        ): Effect.Effect<S["Type"], Failure> =>
          execute(request).pipe(Effect.flatMap((response) => answer(schema, response)))

        const get = (url: string, path: string, urlParams: Params = {}) =>
          HttpClientRequest.get(join(url, path), { urlParams })

        const post = (url: string, path: string, body: unknown) =>
          HttpClientRequest.post(join(url, path)).pipe(HttpClientRequest.bodyJsonUnsafe(body))

        return Rest.of({
          createUser: (url, username) => call(User, post(url, "users/", { username })),
          send: (url, message) =>
            call(
              Message,
              post(url, "messages/", {
                sender_id: message.senderId,
                receiver_id: message.receiverId,
                content: message.content,
                client_id: message.clientId
              })
            ),
          events: (url, userId, page) => call(Events, get(url, `users/${userId}/events`, page)),
          history: (url, page) => call(Schema.Array(Message), get(url, "messages/", page)),
          recent: (url, userId) =>
            call(Recent, get(url, `messages/recent/${userId}`)).pipe(Effect.map(({ messages }) => messages)),
          presence: (url, userId) => call(Presence, get(url, `users/${userId}/presence`)),
          health: (url) => execute(get(url, "health")).pipe(Effect.map((response) => response.status))
        })
      })
    )
}

const join = (url: string, path: string): URL => new URL(path, url.endsWith("/") ? url : `${url}/`)

const rootMessage = (error: Error): string =>
  error.cause instanceof Error ? rootMessage(error.cause) : error.message

const retryAfterMillis = (response: HttpClientResponse.HttpClientResponse): number => {
  const seconds = Number(response.headers["retry-after"])
  return Number.isFinite(seconds) ? seconds * 1_000 : 0
}

const answer = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<S["Type"], Failure> => {
  if (response.status === 429 || response.status >= 500) {
    return new Unanswered({
      reason: `status ${response.status}`,
      retryAfterMillis: retryAfterMillis(response)
    })
  }
  const unread = (error: { readonly message: string }) =>
    new Unanswered({ reason: `unreadable answer: ${error.message}`, retryAfterMillis: 0 })
  if (response.status === 200) {
    return Effect.mapError(HttpClientResponse.schemaBodyJson(schema)(response), unread)
  }
  return HttpClientResponse.schemaBodyJson(Problem)(response).pipe(
    Effect.mapError(unread),
    Effect.flatMap(({ detail }) => new Refused({ code: String(response.status), detail }))
  )
}
