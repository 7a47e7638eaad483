import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { clientIdConflict, receiverNotFound, senderNotFound, serviceUnavailable } from "../api/ProblemOf.ts"
import { RecentMessages } from "../chat/RecentMessages.ts"
import { Sends } from "../chat/Sends.ts"
import type { UserId } from "../domain/User.ts"
import { Epoch } from "../Epoch.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import { json, jsonProperty } from "./Json.ts"
import * as Permit from "./Permit.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const sends = yield* Sends
    const repo = yield* MessageRepo
    const inboxes = yield* InboxRepo
    const recentMessages = yield* RecentMessages
    const epoch = yield* Epoch
    const { permit, permitSend } = yield* Permit.make

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
          Effect.map(({ message, delivered }) => json({ ...message, delivered_via_websocket: delivered })),
          Effect.catchTags({
            SenderNotFound: senderNotFound,
            ReceiverNotFound: receiverNotFound,
            ClientIdConflict: clientIdConflict,
            Unavailable: serviceUnavailable
          })
        ),

      history: ({ query: { user_id, chat_with, before_id, skip, limit } }) =>
        permit({ _tag: "ReadHistory", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              currentTag(user_id),
              inEpoch((epochBefore) =>
                repo
                  .history({ userId: user_id, chatWith: chat_with, beforeId: before_id, skip, limit })
                  .pipe(
                    Effect.flatMap(({ head, messages }) => tagged(tagAt(epochBefore, head), json(messages)))
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
                recentMessages
                  .list(user_id)
                  .pipe(
                    Effect.flatMap(({ head, messages }) =>
                      tagged(tagAt(epochBefore, head), jsonProperty("messages", messages))
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

/** The tag of what a user sees at this head; none for a user that does not exist. */
const tagAt = (epoch: string, head: number | undefined) =>
  head === undefined ? undefined : tagOf(epoch, head)
