import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { RateLimits } from "../access/RateLimits.ts"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authorization.ts"
import * as Problems from "../api/Problems.ts"
import { RecentMessages } from "../chat/RecentMessages.ts"
import { Sends } from "../chat/Sends.ts"
import type { UserId } from "../domain/User.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import { json, jsonProperty } from "./Json.ts"
import { permit } from "./Permit.ts"
import { serviceUnavailable, tooManyRequests } from "./ProblemOf.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const sends = yield* Sends
    const repo = yield* MessageRepo
    const inboxes = yield* InboxRepo
    const recentMessages = yield* RecentMessages
    const rateLimits = yield* RateLimits

    const mayGoOn = (sender: UserId) =>
      Effect.flatMap(CurrentUser, ({ _tag }) => (_tag === "Service" ? Effect.void : rateLimits.send(sender)))

    // Whatever changes a history or a recent list is an event of its user's inbox: the head is the version of both.
    const currentTag = (userId: UserId) => Effect.map(inboxes.bounds(userId), (bounds) => tagAt(bounds?.head))

    return handlers.handleAll({
      send: ({ payload }) =>
        permit({ _tag: "Send", as: payload.sender_id }).pipe(
          Effect.andThen(mayGoOn(payload.sender_id)),
          Effect.andThen(sends.send(payload)),
          Effect.map(({ message, delivered }) => json({ ...message, delivered_via_websocket: delivered })),
          Effect.catchTags({
            SenderNotFound: () => new Problems.SenderNotFound({ detail: "Sender not found" }),
            ReceiverNotFound: () => new Problems.ReceiverNotFound({ detail: "Receiver not found" }),
            ClientIdConflict: () =>
              new Problems.ClientIdConflict({ detail: "This client_id was used for another message" }),
            RateLimited: tooManyRequests,
            Unavailable: serviceUnavailable
          })
        ),

      history: ({ query: { user_id, chat_with, before_id, skip, limit } }) =>
        permit({ _tag: "ReadHistory", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              currentTag(user_id),
              repo
                .history({ userId: user_id, chatWith: chat_with, beforeId: before_id, skip, limit })
                .pipe(Effect.flatMap(({ head, messages }) => tagged(tagAt(head), json(messages))))
            )
          ),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      recent: ({ params: { user_id } }) =>
        permit({ _tag: "ReadRecent", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              currentTag(user_id),
              recentMessages
                .list(user_id)
                .pipe(
                  Effect.flatMap(({ head, messages }) =>
                    tagged(tagAt(head), jsonProperty("messages", messages))
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
const tagAt = (head: number | undefined) => (head === undefined ? undefined : tagOf(head))
