import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import {
  History,
  HistoryLimit,
  HistorySkip,
  RecentMessages as RecentPage,
  SentMessage
} from "../api/Messages.ts"
import {
  blocked,
  clientIdConflict,
  conversationNotFound,
  creationUnavailable,
  messageDeleted,
  messageNotFound,
  notAuthor,
  notMember,
  quoteNotFound,
  receiverNotFound,
  roleForbids,
  senderNotFound,
  serviceUnavailable,
  tooManyReactions,
  userSuspended,
  versionConflict
} from "../api/ProblemOf.ts"
import { FoundMessages, SearchLimit } from "../api/Search.ts"
import type { Counted } from "../chat/Committed.ts"
import { Drafts } from "../chat/Drafts.ts"
import { Edits } from "../chat/Edits.ts"
import { RECENT_MESSAGES, RecentMessages } from "../chat/RecentMessages.ts"
import { Sends } from "../chat/Sends.ts"
import { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { withServices } from "../RequestContext.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { SearchRepo } from "../repo/SearchRepo.ts"
import { LONG_MESSAGE_BYTES } from "./Answers.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import { type HistoryOf, historyOf } from "./HistoryPage.ts"
import { json, jsonOfBytes } from "./Json.ts"
import * as Permit from "./Permit.ts"

const sent = json(SentMessage)
const message = json(Message)
const messagePage = json(History)
const foundPage = json(FoundMessages)
const recentPage = jsonOfBytes(RecentPage)

/** Why a member's call on a message is refused. */
const denied = { MessageNotFound: messageNotFound, NotMember: notMember, Unavailable: serviceUnavailable }

/** Also of changes: a suspended user makes none. */
const changeDenied = { ...denied, Suspended: userSuspended }

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const sends = yield* Sends
    const drafts = yield* Drafts
    const edits = yield* Edits
    const repo = yield* MessageRepo
    const searches = yield* SearchRepo
    const inboxes = yield* InboxRepo
    const recentMessages = yield* RecentMessages
    const epoch = yield* Epoch
    const { actingUser, chargeAct, permit, permitAct, permitDeletion, permitRows, permitSearch, reserve } =
      yield* Permit.make

    /** Makes a change of a message that may be repeated without end: it is charged by its inboxes. */
    const changed = Effect.fnUntraced(function* <E>(
      _tag: "ChangeMessages" | "React",
      given: UserId | undefined,
      place: "query" | "payload",
      change: (by: UserId) => Effect.Effect<Counted<Message>, E>
    ) {
      const by = yield* actingUser(given, place)
      yield* permitAct({ _tag, as: by })
      const { value, inboxes } = yield* change(by)
      yield* chargeAct({ _tag, as: by }, inboxes)
      return message(value)
    })

    const pageOf = (page: HistoryOf) =>
      "conversationId" in page ? repo.ofConversation(page) : repo.history(page)

    // Each change of a history or a recent list is an event in its user's inbox: the head of the inbox is the version of both.
    const currentTag = (userId: UserId) =>
      Effect.map(inboxes.bounds(userId), (bounds) => bounds && tagOf(bounds.epoch, bounds.head))

    // The tag has the epoch from before the read: an answer that is read while the epoch changes gets a tag that is too old.
    const inEpoch = <A, E, R>(read: (epochBefore: string) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => read(epoch.current()))

    return handlers.handleAll({
      send: ({ payload: { sender_id, ...fields } }) =>
        actingUser(sender_id, "payload", "sender_id").pipe(
          Effect.tap((sender) => permitAct({ _tag: "Send", as: sender })),
          Effect.tap((sender) => (fields.receiver_id === sender ? toOneself : Effect.void)),
          Effect.flatMap((sender) => drafts.of(sender, fields)),
          Effect.flatMap(sends.send),
          Effect.tap(({ message, inboxes }) => chargeAct({ _tag: "Send", as: message.sender_id }, inboxes)),
          Effect.map(({ message, delivered }) => sent({ ...message, delivered_via_websocket: delivered })),
          Effect.catchTags({
            SenderNotFound: senderNotFound,
            ReceiverNotFound: receiverNotFound,
            ConversationNotFound: conversationNotFound,
            NotMember: notMember,
            Blocked: blocked,
            Suspended: userSuspended,
            QuoteNotFound: quoteNotFound,
            ClientIdConflict: clientIdConflict,
            Unavailable: creationUnavailable
          })
        ),

      history: ({
        query: { user_id: given, skip = HistorySkip.byDefault, limit = HistoryLimit.byDefault, ...query }
      }) =>
        actingUser(given, "query").pipe(
          Effect.tap((userId) => permit({ _tag: "ReadHistory", of: userId })),
          Effect.flatMap((userId) => historyOf(userId, { ...query, skip, limit })),
          Effect.flatMap((page) =>
            unlessKnown(
              currentTag(page.userId),
              inEpoch((epochBefore) =>
                permitRows(skip + limit).pipe(
                  Effect.andThen(reserve(limit, LONG_MESSAGE_BYTES)),
                  Effect.andThen(pageOf(page)),
                  Effect.flatMap(({ head, messages }) =>
                    tagged(tagAt(epochBefore, head), messagePage(messages))
                  )
                )
              )
            )
          ),
          Effect.catchTags({
            ConversationNotFound: conversationNotFound,
            NotMember: notMember,
            Unavailable: serviceUnavailable
          })
        ),

      recent: ({ params: { user_id } }) =>
        permit({ _tag: "ReadRecent", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              currentTag(user_id),
              inEpoch((epochBefore) =>
                reserve(RECENT_MESSAGES, LONG_MESSAGE_BYTES).pipe(
                  Effect.andThen(recentMessages.list(user_id)),
                  Effect.flatMap(({ head, page }) => tagged(tagAt(epochBefore, head), recentPage(page)))
                )
              )
            )
          ),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      search: Effect.fnUntraced(
        function* ({
          query: { user_id, q: text, conversation_id: conversationId, before_id: beforeId, limit }
        }) {
          const userId = yield* actingUser(user_id, "query")
          yield* permitSearch(userId)
          const wanted = limit ?? SearchLimit.byDefault
          yield* reserve(wanted, LONG_MESSAGE_BYTES)
          const { messages, next = null } = yield* searches.search({
            userId,
            text,
            conversationId,
            beforeId,
            limit: wanted
          })
          return foundPage({ messages, next })
        },
        Effect.catchTags({
          ConversationNotFound: conversationNotFound,
          NotMember: notMember,
          Unavailable: serviceUnavailable
        })
      ),

      get: ({ params: { message_id }, query: { user_id } }) =>
        actingUser(user_id, "query").pipe(
          Effect.tap((userId) => permit({ _tag: "ReadHistory", of: userId })),
          Effect.flatMap((userId) => repo.find(userId, message_id)),
          Effect.map((found) => message(found)),
          Effect.catchTags(denied)
        ),

      edit: ({ params: { message_id }, payload: { user_id, content, version, metadata } }) =>
        changed("ChangeMessages", user_id, "payload", (by) =>
          edits.edit({ by, messageId: message_id, content, version: version ?? undefined, metadata })
        ).pipe(
          Effect.catchTags({
            ...changeDenied,
            NotAuthor: notAuthor,
            Blocked: blocked,
            MessageDeleted: messageDeleted,
            VersionConflict: versionConflict
          })
        ),

      delete: ({ params: { message_id }, query: { user_id } }) =>
        permitDeletion(user_id).pipe(
          Effect.flatMap((deletion) =>
            deletion._tag === "RemoveMessage"
              ? edits.removeAny(message_id)
              : edits.remove(deletion.as, message_id)
          ),
          Effect.map((deleted) => message(deleted)),
          Effect.catchTags({ ...changeDenied, RoleForbids: roleForbids })
        ),

      react: ({ params: { message_id, emoji }, query: { user_id } }) =>
        changed("React", user_id, "query", (by) => edits.react(by, message_id, emoji)).pipe(
          Effect.catchTags({
            ...changeDenied,
            Blocked: blocked,
            MessageDeleted: messageDeleted,
            TooManyReactions: tooManyReactions
          })
        ),

      unreact: ({ params: { message_id, emoji }, query: { user_id } }) =>
        changed("React", user_id, "query", (by) => edits.unreact(by, message_id, emoji)).pipe(
          Effect.catchTags(changeDenied)
        )
    })
  }, withServices)
)

const toOneself = Effect.fail(Permit.invalidField(["payload", "receiver_id"], "must not be the sender"))

/** The tag of what a user sees at this head; none for a user that does not exist. */
const tagAt = (epoch: string, head: number | undefined) =>
  head === undefined ? undefined : tagOf(epoch, head)
