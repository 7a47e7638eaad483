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
import { clientIdConflict, receiverNotFound, senderNotFound, serviceUnavailable } from "../api/ProblemOf.ts"
import { RecentMessages } from "../chat/RecentMessages.ts"
import { Sends } from "../chat/Sends.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import { json, jsonWithRaw, RawJson } from "./Json.ts"
import * as Permit from "./Permit.ts"

const sent = json(SentMessage)
const messagePage = json(History)
const recentPage = jsonWithRaw(RecentPage)

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const sends = yield* Sends
    const repo = yield* MessageRepo
    const inboxes = yield* InboxRepo
    const recentMessages = yield* RecentMessages
    const epoch = yield* Epoch
    const { permit, permitRows, permitSend, reserve } = yield* Permit.make

    // Whatever changes a history or a recent list is an event of its user's inbox: the head is the version of both.
    const currentTag = (userId: UserId) =>
      Effect.map(inboxes.bounds(userId), (bounds) => bounds && tagOf(bounds.epoch, bounds.head))

    // An answer has the epoch of before it was read: one that is read while the epoch changes gets a tag that is out of date.
    const inEpoch = <A, E, R>(read: (epochBefore: string) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => read(epoch.current()))

    return handlers.handleAll({
      send: ({ payload }) =>
        permitSend(payload.sender_id).pipe(
          Effect.andThen(sends.send(payload)),
          Effect.map(({ message, delivered }) => sent({ ...message, delivered_via_websocket: delivered })),
          Effect.catchTags({
            SenderNotFound: senderNotFound,
            ReceiverNotFound: receiverNotFound,
            ClientIdConflict: clientIdConflict,
            Unavailable: serviceUnavailable
          })
        ),

      history: ({
        query: { user_id, chat_with, before_id, skip = HistorySkip.byDefault, limit = HistoryLimit.byDefault }
      }) =>
        permit({ _tag: "ReadHistory", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              currentTag(user_id),
              inEpoch((epochBefore) =>
                permitRows(skip + limit).pipe(
                  Effect.andThen(reserve(limit, MESSAGE_BYTES)),
                  Effect.andThen(
                    repo.history({ userId: user_id, chatWith: chat_with, beforeId: before_id, skip, limit })
                  ),
                  Effect.flatMap(({ head, messages }) =>
                    tagged(tagAt(epochBefore, head), messagePage(messages))
                  )
                )
              )
            )
          ),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      recent: ({ params: { user_id } }) =>
        permit({ _tag: "ReadRecent", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              currentTag(user_id),
              inEpoch((epochBefore) =>
                reserve(RECENT_MESSAGES, MESSAGE_BYTES).pipe(
                  Effect.andThen(recentMessages.list(user_id)),
                  Effect.flatMap(({ head, messages }) =>
                    tagged(tagAt(epochBefore, head), recentPage({ messages: new RawJson(messages) }))
                  )
                )
              )
            )
          ),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        )
    })
  })
)

/** About what a long message takes in an answer. In bytes. */
const MESSAGE_BYTES = 1300

/** How many messages a recent list answers with, at most. */
const RECENT_MESSAGES = 50

/** The tag of what a user sees at this head; none for a user that does not exist. */
const tagAt = (epoch: string, head: number | undefined) =>
  head === undefined ? undefined : tagOf(epoch, head)
