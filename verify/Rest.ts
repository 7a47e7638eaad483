import { Context, Effect, Layer, Option, type Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { InboxEvent, Message } from "./Frame.ts"
import { addressOf, type Outgoing, Refused, Unanswered } from "./Outgoing.ts"

const User = Schema.Struct({ id: Schema.Int, username: Schema.String })
const Events = Schema.Struct({
  events: Schema.Array(InboxEvent),
  cursor: Schema.Int,
  recovered: Schema.Boolean
})
const Recent = Schema.Struct({ messages: Schema.Array(Message) })
const Presence = Schema.Struct({ online: Schema.Boolean, connections: Schema.Int })
const Conversation = Schema.Struct({ id: Schema.Int })
const MemberOf = Schema.Struct({ user_id: Schema.Int })
const ReadState = Schema.Struct({ last_read_id: Schema.Int, unread: Schema.Int })
const Conversations = Schema.Struct({
  conversations: Schema.Array(
    Schema.Struct({ ...Conversation.fields, ...ReadState.fields, last_message: Schema.NullOr(Message) })
  ),
  next: Schema.NullOr(Schema.Int)
})
const Problem = Schema.Struct({ detail: Schema.String })

const TIMEOUT = "15 seconds"

type Failure = Refused | Unanswered
/** The user that joins or leaves, and who does it. */
interface Membership {
  readonly userId: number
  readonly by: number
}

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
        readonly conversation_id?: number
        readonly limit: number
        readonly skip?: number
        readonly before_id?: number
      }
    ) => Effect.Effect<ReadonlyArray<Message>, Failure>
    readonly recent: (url: string, userId: number) => Effect.Effect<ReadonlyArray<Message>, Failure>
    readonly presence: (url: string, userId: number) => Effect.Effect<typeof Presence.Type, Failure>
    /** Makes a group, or answers the one that the maker made with this client id. */
    readonly createGroup: (
      url: string,
      group: {
        readonly makerId: number
        readonly memberIds: ReadonlyArray<number>
        readonly title: string
        readonly clientId: string
        /** What new members see of the messages before them: all, unless it says otherwise. */
        readonly history?: string
      }
    ) => Effect.Effect<typeof Conversation.Type, Failure>
    readonly putMember: (
      url: string,
      conversationId: number,
      change: Membership
    ) => Effect.Effect<void, Failure>
    readonly removeMember: (
      url: string,
      conversationId: number,
      change: Membership
    ) => Effect.Effect<void, Failure>
    readonly conversations: (
      url: string,
      page: { readonly user_id: number; readonly limit: number; readonly before?: number }
    ) => Effect.Effect<typeof Conversations.Type, Failure>
    readonly markRead: (
      url: string,
      conversationId: number,
      mark: { readonly user_id: number; readonly message_id: number }
    ) => Effect.Effect<typeof ReadState.Type, Failure>
    readonly edit: (
      url: string,
      messageId: number,
      change: { readonly user_id: number; readonly content: string; readonly version: number }
    ) => Effect.Effect<Message, Failure>
    readonly remove: (url: string, messageId: number, userId: number) => Effect.Effect<Message, Failure>
    /** Adds a reaction, or takes it back. */
    readonly react: (
      url: string,
      messageId: number,
      reaction: { readonly userId: number; readonly emoji: string; readonly added: boolean }
    ) => Effect.Effect<Message, Failure>
    /** Erases a user, and answers whether that is finished. */
    readonly erase: (url: string, userId: number) => Effect.Effect<"finished" | "under way", Failure>
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

        const remove = (url: string, path: string, urlParams: Params = {}) =>
          HttpClientRequest.delete(join(url, path), { urlParams })

        return Rest.of({
          createUser: (url, username) => call(User, post(url, "users/", { username })),
          send: (url, message) =>
            call(
              Message,
              post(url, "messages/", {
                sender_id: message.senderId,
                ...addressOf(message),
                content: message.content,
                client_id: message.clientId
              })
            ),
          events: (url, userId, page) => call(Events, get(url, `users/${userId}/events`, page)),
          history: (url, page) => call(Schema.Array(Message), get(url, "messages/", page)),
          recent: (url, userId) =>
            call(Recent, get(url, `messages/recent/${userId}`)).pipe(Effect.map(({ messages }) => messages)),
          presence: (url, userId) => call(Presence, get(url, `users/${userId}/presence`)),
          createGroup: (url, { clientId, history, makerId, memberIds, title }) =>
            call(
              Conversation,
              post(url, "conversations/", {
                user_id: makerId,
                kind: "group",
                title,
                member_ids: memberIds,
                client_id: clientId,
                ...(history !== undefined && { history })
              })
            ),
          putMember: (url, conversationId, { by, userId }) =>
            Effect.asVoid(
              call(
                MemberOf,
                HttpClientRequest.put(join(url, `conversations/${conversationId}/members/${userId}`)).pipe(
                  HttpClientRequest.bodyJsonUnsafe({ user_id: by })
                )
              )
            ),
          removeMember: (url, conversationId, { by, userId }) =>
            execute(remove(url, `conversations/${conversationId}/members/${userId}`, { user_id: by })).pipe(
              Effect.flatMap((response) =>
                response.status === 204 ? Effect.void : answer(Schema.Never, response)
              )
            ),
          conversations: (url, page) => call(Conversations, get(url, "conversations/", page)),
          markRead: (url, conversationId, mark) =>
            call(ReadState, post(url, `conversations/${conversationId}/read`, mark)),
          edit: (url, messageId, change) =>
            call(
              Message,
              HttpClientRequest.patch(join(url, `messages/${messageId}`)).pipe(
                HttpClientRequest.bodyJsonUnsafe(change)
              )
            ),
          remove: (url, messageId, user_id) =>
            call(Message, remove(url, `messages/${messageId}`, { user_id })),
          react: (url, messageId, { added, emoji, userId: user_id }) => {
            const path = `messages/${messageId}/reactions/${encodeURIComponent(emoji)}`
            return call(
              Message,
              added
                ? HttpClientRequest.put(join(url, path), { urlParams: { user_id } })
                : remove(url, path, { user_id })
            )
          },
          erase: (url, userId) =>
            execute(remove(url, `users/${userId}`)).pipe(
              Effect.flatMap((response) =>
                response.status === 202
                  ? Effect.succeed("under way" as const)
                  : response.status === 204
                    ? Effect.succeed("finished" as const)
                    : answer(Schema.Never, response)
              )
            ),
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
