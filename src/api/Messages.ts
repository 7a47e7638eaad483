import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Draft, Message } from "../domain/Message.ts"
import { Authorization } from "./Authorization.ts"
import { limit, MessageIdParam, skip, UserIdParam } from "./Parameters.ts"
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
        chat_with: Schema.optionalKey(UserIdParam),
        skip: skip("before_id"),
        limit: limit(50),
        before_id: Schema.optionalKey(MessageIdParam)
      },
      success: Schema.Array(Message),
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
  .prefix("/messages")
  .annotateMerge(OpenApi.annotations({ title: "Messages", description: "Sending and reading messages" })) {}
