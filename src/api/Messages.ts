import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Draft, Message } from "../domain/Message.ts"
import { Authorization } from "./Authorization.ts"
import { limit, messageIdParam, skip, UserIdParam, userIdParam } from "./Parameters.ts"
import { Paths } from "./Paths.ts"
import {
  ClientIdConflict,
  ReceiverNotFound,
  SenderNotFound,
  ServiceUnavailable,
  TooManyRequests
} from "./Problems.ts"

export const SentMessage = Schema.Struct({
  ...Message.fields,
  delivered_via_websocket: Schema.Boolean.annotate({
    description: "A live socket of the receiver, or a poll that waits, was handed the message, on any node"
  })
}).annotate({ identifier: "SentMessage", description: "A message that is committed" })
export type SentMessage = typeof SentMessage.Type

export const RecentMessages = Schema.Struct({
  messages: Schema.Array(Message)
}).annotate({ identifier: "RecentMessages", description: "Received messages, newest first" })

export const History = Schema.Array(Message)

/** How many messages a history passes over. */
export const HistorySkip = skip("before_id")

/** A page of the history has at most 50 messages, unless `limit` says otherwise. */
export const HistoryLimit = limit(50)

export class Messages extends HttpApiGroup.make("messages")
  .add(
    HttpApiEndpoint.post("send", "/", {
      payload: Draft,
      success: SentMessage,
      error: [SenderNotFound, ReceiverNotFound, ClientIdConflict, TooManyRequests, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Send a message",
        description:
          "Answers once the message is committed. Repeat a call that got no answer with the same `client_id`: it is answered " +
          "with the first message and not sent again. The same `client_id` with another content or receiver is a 409."
      })
    ),
    HttpApiEndpoint.get("history", "/", {
      query: {
        user_id: UserIdParam,
        chat_with: Schema.optionalKey(userIdParam({ description: "Only messages exchanged with this user" })),
        skip: HistorySkip.schema,
        limit: HistoryLimit.schema,
        before_id: Schema.optionalKey(
          messageIdParam({ description: "Only messages with an id below this one" })
        )
      },
      success: History,
      error: ServiceUnavailable
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read a user's history",
        description:
          "Messages that the user sent or received, newest first; with `chat_with`, only those with that user. " +
          "Page with `before_id`: the id of the last message of the page before; its cost does not grow, as that of `skip` does."
      })
    ),
    HttpApiEndpoint.get("recent", "/recent/:user_id", {
      params: { user_id: UserIdParam },
      success: RecentMessages,
      error: ServiceUnavailable
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read the latest received messages",
        description: "Up to 50 messages that the user received, newest first, from the cache."
      })
    )
  )
  .middleware(Authorization)
  .prefix(Paths.messages)
  .annotateMerge(OpenApi.annotations({ title: "Messages", description: "Sending and reading messages" })) {}
