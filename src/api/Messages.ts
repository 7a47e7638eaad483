import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Content, Message, NewMessage } from "../domain/Message.ts"
import { Metadata } from "../domain/Metadata.ts"
import { Emoji } from "../domain/Reaction.ts"
import { Authorization } from "./Authorization.ts"
import {
  ActingUser,
  actingUser,
  conversationIdParam,
  limit,
  messageIdParam,
  skip,
  UserIdParam,
  userIdParam
} from "./Parameters.ts"
import { Paths } from "./Paths.ts"
import {
  Blocked,
  ClientIdConflict,
  ConversationNotFound,
  MessageDeleted,
  MessageNotFound,
  NotAuthor,
  NotMember,
  QuoteNotFound,
  ReceiverNotFound,
  RoleForbids,
  SenderNotFound,
  ServiceUnavailable,
  TooManyReactions,
  TooManyRequests,
  VersionConflict
} from "./Problems.ts"
import { RequestValidation } from "./RequestValidation.ts"
import { search } from "./Search.ts"

export const SentMessage = Schema.Struct({
  ...Message.fields,
  delivered_via_websocket: Schema.Boolean.annotate({
    description:
      "The receiver is connected to a node, which hands it the message: over a WebSocket, or by a long poll that waits or was answered less than two seconds ago"
  })
}).annotate({ identifier: "SentMessage", description: "A message that is committed" })
export type SentMessage = typeof SentMessage.Type

export const RecentMessages = Schema.Struct({
  messages: Schema.Array(Message)
}).annotate({ identifier: "RecentMessages", description: "Received messages, newest first" })

export const History = Schema.Array(Message)

/** How many messages a history skips. */
export const HistorySkip = skip("before_id")

/** A page of the history has at most 50 messages, unless `limit` says otherwise. */
export const HistoryLimit = limit(50)

export const MessageChange = Schema.Struct({
  ...actingUser,
  content: Content,
  version: Schema.optionalKey(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)))).annotate({
    description: "The version that the caller knows"
  }),
  metadata: Schema.optionalKey(Schema.NullOr(Metadata)).annotate({
    description: "Replaces the metadata; null removes it, left out keeps it"
  })
}).annotate({ identifier: "MessageChange" })

const messageId = { message_id: messageIdParam({ description: "The id of the message", example: 7 }) }

const reactionPath = { ...messageId, emoji: Emoji }

const denied = [MessageNotFound, NotMember, ServiceUnavailable] as const

export class Messages extends HttpApiGroup.make("messages")
  .add(
    HttpApiEndpoint.post("send", "/", {
      payload: NewMessage,
      success: SentMessage,
      error: [
        SenderNotFound,
        ReceiverNotFound,
        ConversationNotFound,
        NotMember,
        Blocked,
        QuoteNotFound,
        ClientIdConflict,
        TooManyRequests,
        ServiceUnavailable
      ]
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
        user_id: ActingUser,
        chat_with: Schema.optionalKey(userIdParam({ description: "Only messages exchanged with this user" })),
        conversation_id: Schema.optionalKey(
          conversationIdParam({ description: "Only messages of this conversation, direct or group" })
        ),
        skip: HistorySkip.schema,
        limit: HistoryLimit.schema,
        before_id: Schema.optionalKey(
          messageIdParam({ description: "Only messages with an id below this one" })
        ),
        after_id: Schema.optionalKey(
          messageIdParam({
            description:
              "Only messages with an id above this one, oldest first. Of one conversation: with `conversation_id` or `chat_with`"
          })
        )
      },
      success: History,
      error: [ConversationNotFound, NotMember, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read a user's history",
        description:
          "Messages that the user sent to or received from another user, newest first; with `chat_with`, only those with that user; " +
          "with `conversation_id`, those of that conversation, which may be a group. " +
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
        description:
          "Up to 50 messages that the user received from other users, newest first, from the cache."
      })
    ),
    search,
    HttpApiEndpoint.get("get", "/:message_id", {
      params: messageId,
      query: { user_id: ActingUser },
      success: Message,
      error: denied
    }).annotateMerge(OpenApi.annotations({ summary: "Get a message" })),
    HttpApiEndpoint.patch("edit", "/:message_id", {
      params: messageId,
      payload: MessageChange,
      success: Message,
      error: [...denied, NotAuthor, Blocked, MessageDeleted, VersionConflict, TooManyRequests]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Edit a message",
        description:
          "For its author. With `version`, only when the message still has it: a 409 says which one it has. An edit that changes nothing makes no new version."
      })
    ),
    HttpApiEndpoint.delete("delete", "/:message_id", {
      params: messageId,
      query: { user_id: ActingUser },
      success: Message,
      error: [...denied, RoleForbids]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Delete a message",
        description:
          "For its author, who may have left the group since, and for a group's owner and admins; for a token with `scope` `service` any message, when `user_id` is left " +
          "out. Its content is deleted at once; its place in the history stays. Safe to repeat."
      })
    ),
    HttpApiEndpoint.put("react", "/:message_id/reactions/:emoji", {
      params: reactionPath,
      query: { user_id: ActingUser },
      success: Message,
      error: [...denied, Blocked, MessageDeleted, TooManyReactions, TooManyRequests]
    }).annotateMerge(OpenApi.annotations({ summary: "React to a message", description: "Safe to repeat." })),
    HttpApiEndpoint.delete("unreact", "/:message_id/reactions/:emoji", {
      params: reactionPath,
      query: { user_id: ActingUser },
      success: Message,
      error: [...denied, TooManyRequests]
    }).annotateMerge(OpenApi.annotations({ summary: "Take a reaction back", description: "Safe to repeat." }))
  )
  .middleware(RequestValidation)
  .middleware(Authorization)
  .prefix(Paths.messages)
  .annotateMerge(OpenApi.annotations({ title: "Messages", description: "Sending and reading messages" })) {}
