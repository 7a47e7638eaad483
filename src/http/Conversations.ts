import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Directory } from "../access/Directory.ts"
import { Api } from "../api/Api.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import {
  ConversationLimit,
  ConversationPage,
  MemberLimit,
  MemberPage,
  type NewConversation
} from "../api/Conversations.ts"
import {
  blocked,
  conversationNotFound,
  creationUnavailable,
  groupClientIdConflict,
  groupFull,
  membersNotFound,
  messageNotFound,
  notAGroup,
  notMember,
  roleForbids,
  serviceUnavailable,
  userNotFound,
  userSuspended
} from "../api/ProblemOf.ts"
import type { ValidationFailed } from "../api/Problems.ts"
import type { Counted } from "../chat/Committed.ts"
import { Conversations } from "../chat/Conversations.ts"
import { Reads } from "../chat/Reads.ts"
import type { Suspended } from "../domain/Caller.ts"
import { Conversation, ConversationEntry, Member, ReadState } from "../domain/Conversation.ts"
import { type GroupFull, MembersNotFound, type NotMember } from "../domain/ConversationErrors.ts"
import type { Blocked, ClientIdConflict } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { withServices } from "../RequestContext.ts"
import { ConversationRepo } from "../repo/ConversationRepo.ts"
import { json } from "./Json.ts"
import * as Permit from "./Permit.ts"

const conversation = json(Conversation)
const entry = json(ConversationEntry)
const page = json(ConversationPage)
const member = json(Member)
const memberPage = json(MemberPage)
const readState = json(ReadState)

/** Why a member's call is refused. */
const denied = {
  ConversationNotFound: conversationNotFound,
  NotMember: notMember,
  Unavailable: serviceUnavailable
}

/** Also of changes: a suspended user makes none. */
const changeDenied = { ...denied, Suspended: userSuspended }

export const layer = HttpApiBuilder.group(
  Api,
  "conversations",
  Effect.fnUntraced(function* (handlers) {
    const conversations = yield* Conversations
    const directory = yield* Directory
    const reads = yield* Reads
    const repo = yield* ConversationRepo
    const { actingUser, chargeAct, permit, permitAct, permitAction, permitRows, reserve } = yield* Permit.make

    // Each page of a list reads all conversations of its user, to find the newest.
    const rowsOfList = (userId: UserId) =>
      Effect.map(repo.count(userId, COUNTED), (count) => count * ROWS_OF_CONVERSATION)

    const reader = (given: UserId | undefined) =>
      Effect.tap(actingUser(given, "query"), (userId) => permit({ _tag: "ReadConversations", of: userId }))

    const actor = (given: UserId | undefined) =>
      Effect.tap(actingUser(given, "query"), (userId) => permit({ _tag: "ChangeConversations", as: userId }))

    /** The acting user of a change that gives all members an event and may be repeated without end: it is charged by its inboxes. */
    const limitedActor = (
      given: UserId | undefined,
      _tag: "ChangeConversations" | "MakeGroup" = "ChangeConversations"
    ) => Effect.tap(actingUser(given, "payload"), (userId) => permitAct({ _tag, as: userId }))

    /** Makes such a change of an existing conversation. */
    const changed = Effect.fnUntraced(function* <A, E>(
      given: UserId | undefined,
      change: (by: UserId) => Effect.Effect<Counted<A>, E>
    ) {
      const by = yield* limitedActor(given)
      const { value, inboxes } = yield* change(by)
      yield* chargeAct({ _tag: "ChangeConversations", as: by }, inboxes)
      return value
    })

    /** Fails when the caller may not ask for a conversation with a user, who is answered as one that does not exist. */
    const permitPeer = (userId: UserId) =>
      CurrentCaller.pipe(
        Effect.flatMap((caller) => directory.permitNamed(caller, userId)),
        Effect.catchTag("UserNotFound", () => Effect.fail(new MembersNotFound({ userIds: [userId] })))
      )

    const create = (
      by: UserId,
      asked: NewConversation
    ): Effect.Effect<
      Conversation,
      | Suspended
      | UserNotFound
      | MembersNotFound
      | GroupFull
      | Blocked
      | ClientIdConflict
      | NotMember
      | ValidationFailed
      | Unavailable,
      CurrentCaller
    > => {
      if (asked.kind === "group") {
        const { title, member_ids, history = "all", metadata, client_id } = asked
        return conversations.createGroup({
          by,
          title,
          memberIds: member_ids,
          history,
          metadata: metadata ?? undefined,
          clientId: client_id ?? undefined
        })
      }
      if (asked.with === by)
        return Effect.fail(Permit.invalidField(["payload", "with"], "must not be the user itself"))
      return Effect.andThen(permitPeer(asked.with), conversations.createDirect(by, asked.with))
    }

    return handlers.handleAll({
      create: ({ payload }) =>
        limitedActor(payload.user_id, payload.kind === "group" ? "MakeGroup" : "ChangeConversations").pipe(
          Effect.flatMap((by) => create(by, payload)),
          Effect.map((made) => conversation(made)),
          Effect.catchTags({
            UserNotFound: userNotFound,
            MembersNotFound: membersNotFound,
            GroupFull: groupFull,
            Blocked: blocked,
            Suspended: userSuspended,
            ClientIdConflict: groupClientIdConflict,
            NotMember: notMember,
            Unavailable: payload.kind === "group" ? creationUnavailable : serviceUnavailable
          })
        ),

      list: Effect.fnUntraced(
        function* ({ query: { user_id, limit = ConversationLimit.byDefault, before } }) {
          const userId = yield* reader(user_id)
          yield* permitRows(rowsOfList(userId))
          yield* reserve(limit, ENTRY_BYTES)
          const { conversations, next = null } = yield* repo.list(userId, limit, before)
          // Without a tag: a peer's new name is an event for a bounded number of users, so the inbox's head is no version of the list.
          return page({ conversations, next })
        },
        Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
      ),

      get: Effect.fnUntraced(function* ({ params: { conversation_id }, query: { user_id } }) {
        const userId = yield* reader(user_id)
        return entry(yield* repo.find(userId, conversation_id))
      }, Effect.catchTags(denied)),

      update: Effect.fnUntraced(
        function* ({ params: { conversation_id }, payload: { user_id, title, metadata } }) {
          return conversation(
            yield* changed(user_id, (by) => conversations.update(by, conversation_id, { title, metadata }))
          )
        },
        Effect.catchTags({ ...changeDenied, RoleForbids: roleForbids, NotAGroup: notAGroup })
      ),

      members: Effect.fnUntraced(function* ({
        params: { conversation_id },
        query: { user_id, limit = MemberLimit.byDefault, after }
      }) {
        const userId = yield* reader(user_id)
        yield* permitRows(limit)
        yield* reserve(limit, MEMBER_BYTES)
        const { members, next = null } = yield* repo.members(userId, conversation_id, after, limit)
        return memberPage({ members, next })
      }, Effect.catchTags(denied)),

      putMember: Effect.fnUntraced(
        function* ({ params: { conversation_id, member_id }, payload: { user_id, role } }) {
          return member(
            yield* changed(user_id, (by) => conversations.putMember(by, conversation_id, member_id, role))
          )
        },
        Effect.catchTags({
          ...changeDenied,
          RoleForbids: roleForbids,
          NotAGroup: notAGroup,
          MembersNotFound: membersNotFound,
          GroupFull: groupFull
        })
      ),

      removeMember: Effect.fnUntraced(
        function* ({ params: { conversation_id, member_id }, query: { user_id } }) {
          const by = yield* actor(user_id)
          yield* conversations.removeMember(by, conversation_id, member_id)
        },
        Effect.catchTags({ ...changeDenied, RoleForbids: roleForbids, NotAGroup: notAGroup })
      ),

      read: Effect.fnUntraced(
        function* ({ params: { conversation_id }, payload: { user_id, message_id } }) {
          const userId = yield* actingUser(user_id, "payload")
          yield* permitAction(userId)
          return readState(yield* reads.mark(userId, conversation_id, message_id))
        },
        Effect.catchTags({ ...changeDenied, MessageNotFound: messageNotFound })
      )
    })
  }, withServices)
)

/** How many rows the query of a list reads for each conversation: its membership, and its last message. */
const ROWS_OF_CONVERSATION = 5

/** The conversations of a user are counted up to this number: its cost is already the largest that a call may have. */
const COUNTED = 10_000

/** About the size of a conversation with its last message in an answer. In bytes. */
const ENTRY_BYTES = 3000

/** About the size of a member in an answer. In bytes. */
const MEMBER_BYTES = 500
