import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import {
  Conversation,
  ConversationEntry,
  HistoryAccess,
  Member,
  ReadState,
  Role,
  Title
} from "../domain/Conversation.ts"
import { ClientId, MessageId } from "../domain/Message.ts"
import { Metadata } from "../domain/Metadata.ts"
import { UserId } from "../domain/User.ts"
import { Authorization } from "./Authorization.ts"
import {
  ActingUser,
  actingUser,
  ConversationIdParam,
  limit,
  positiveParam,
  userIdParam
} from "./Parameters.ts"
import { Paths } from "./Paths.ts"
import {
  Blocked,
  ClientIdConflict,
  ConversationNotFound,
  GroupFull,
  MembersNotFound,
  MessageNotFound,
  NotAGroup,
  NotMember,
  RoleForbids,
  ServiceUnavailable,
  TooManyRequests,
  UserNotFound
} from "./Problems.ts"
import { RequestValidation } from "./RequestValidation.ts"

/** The most members that a call may name; `MAX_GROUP_MEMBERS` may allow fewer. */
const MAX_NAMED_MEMBERS = 1000

export const NewConversation = Schema.Union([
  Schema.Struct({
    ...actingUser,
    kind: Schema.Literal("group"),
    title: Title,
    member_ids: Schema.Array(UserId)
      .check(Schema.isMaxLength(MAX_NAMED_MEMBERS))
      .annotate({ description: "The members beside the maker. A repeated id counts once" }),
    history: Schema.optionalKey(HistoryAccess),
    metadata: Schema.optionalKey(Schema.NullOr(Metadata)),
    client_id: Schema.optionalKey(Schema.NullOr(ClientId))
  }),
  Schema.Struct({
    ...actingUser,
    kind: Schema.Literal("direct"),
    with: UserId
  })
]).annotate({
  identifier: "NewConversation",
  description: "A group to make, or a direct conversation to get",
  message: 'must be an object whose kind is "group" or "direct"'
})
export type NewConversation = typeof NewConversation.Type

export const ConversationChange = Schema.Struct({
  ...actingUser,
  title: Schema.optionalKey(Title),
  metadata: Schema.optionalKey(Schema.NullOr(Metadata)).annotate({
    description: "Replaces the metadata; null removes it"
  })
}).annotate({ identifier: "ConversationChange" })

export const ConversationPage = Schema.Struct({
  conversations: Schema.Array(ConversationEntry),
  next: Schema.NullOr(Schema.Int).annotate({
    description: "The `before` of the next page; null when this was the last"
  })
}).annotate({ identifier: "ConversationPage", description: "A user's conversations, newest activity first" })

export const MemberPage = Schema.Struct({
  members: Schema.Array(Member),
  next: Schema.NullOr(Schema.Int).annotate({
    description: "The `after` of the next page; null when this was the last"
  })
}).annotate({ identifier: "MemberPage", description: "Members of a conversation, by ascending user id" })

/** A page has at most 50 conversations, unless `limit` says otherwise. */
export const ConversationLimit = limit(50, 100)

/** A page has at most 100 members, unless `limit` says otherwise. */
export const MemberLimit = limit(100)

const conversationId = { conversation_id: ConversationIdParam }

const memberPath = {
  ...conversationId,
  member_id: userIdParam({ description: "The id of the member", example: 2 })
}

const denied = [ConversationNotFound, NotMember, ServiceUnavailable] as const

export class Conversations extends HttpApiGroup.make("conversations")
  .add(
    HttpApiEndpoint.post("create", "/", {
      payload: NewConversation,
      success: Conversation,
      error: [
        UserNotFound,
        MembersNotFound,
        GroupFull,
        Blocked,
        ClientIdConflict,
        NotMember,
        TooManyRequests,
        ServiceUnavailable
      ]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Make a group, or get a direct conversation",
        description:
          "A group is its maker's. Repeat a call that got no answer with the same `client_id`: no second group is made. " +
          "A direct conversation is made when there is none; a first message makes it as well."
      })
    ),
    HttpApiEndpoint.get("list", "/", {
      query: {
        user_id: ActingUser,
        limit: ConversationLimit.schema,
        before: Schema.optionalKey(positiveParam({ description: "The `next` of the page before" }))
      },
      success: ConversationPage,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List a user's conversations",
        description:
          "Newest activity first, each with its last message and how many messages of others are unread, to 100."
      })
    ),
    HttpApiEndpoint.get("get", "/:conversation_id", {
      params: conversationId,
      query: { user_id: ActingUser },
      success: ConversationEntry,
      error: denied
    }).annotateMerge(OpenApi.annotations({ summary: "Get a conversation" })),
    HttpApiEndpoint.patch("update", "/:conversation_id", {
      params: conversationId,
      payload: ConversationChange,
      success: Conversation,
      error: [...denied, RoleForbids, NotAGroup]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Change a group", description: "For its owner and its admins." })
    ),
    HttpApiEndpoint.get("members", "/:conversation_id/members", {
      params: conversationId,
      query: {
        user_id: ActingUser,
        limit: MemberLimit.schema,
        after: Schema.optionalKey(userIdParam({ description: "Only members with a user id above this one" }))
      },
      success: MemberPage,
      error: denied
    }).annotateMerge(OpenApi.annotations({ summary: "List the members of a conversation" })),
    HttpApiEndpoint.put("putMember", "/:conversation_id/members/:member_id", {
      params: memberPath,
      payload: Schema.Struct({ ...actingUser, role: Schema.optionalKey(Role) }).annotate({
        identifier: "MemberChange"
      }),
      success: Member,
      error: [...denied, RoleForbids, NotAGroup, MembersNotFound, GroupFull, TooManyRequests]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Add a member to a group, or change its role",
        description:
          "For the group's owner and admins; only the owner makes admins, and hands the group over by making another the owner. " +
          "A new member is a `member` unless `role` says otherwise. Safe to repeat."
      })
    ),
    HttpApiEndpoint.delete("removeMember", "/:conversation_id/members/:member_id", {
      params: memberPath,
      query: { user_id: ActingUser },
      error: [...denied, RoleForbids, NotAGroup]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Remove a member from a group, or leave it",
        description:
          "The owner removes anyone, admins remove members, everyone may leave. When the owner leaves, the oldest admin, " +
          "else the oldest member, becomes the owner. Safe to repeat."
      })
    ),
    HttpApiEndpoint.post("read", "/:conversation_id/read", {
      params: conversationId,
      payload: Schema.Struct({ ...actingUser, message_id: MessageId }).annotate({ identifier: "ReadMark" }),
      success: ReadState,
      error: [...denied, MessageNotFound]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Mark a conversation as read up to a message",
        description: "What is read stays read: a message before the last one that was read changes nothing."
      })
    )
  )
  .middleware(RequestValidation)
  .middleware(Authorization)
  .prefix(Paths.conversations)
  .annotateMerge(
    OpenApi.annotations({
      title: "Conversations",
      description:
        "Direct conversations and groups, their members, and what is read. `user_id` says for whom a call acts: with a " +
        "user's token it may be left out; without authentication, and for the application's own backend, it must be there."
    })
  ) {}
