import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { RateLimits } from "../access/RateLimits.ts"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authorization.ts"
import { History, HistoryLimit, RecentMessages, SentMessage } from "../api/Messages.ts"
import { Skip } from "../api/Parameters.ts"
import * as Problems from "../api/Problems.ts"
import { Chat } from "../chat/Sends.ts"
import type { UserId } from "../domain/User.ts"
import { json, jsonWithRaw, Raw } from "./Json.ts"
import { permit } from "./Permit.ts"
import { serviceUnavailable, tooManyRequests } from "./ProblemOf.ts"

const sent = json(SentMessage)
const messagePage = json(History)
const recentMessages = jsonWithRaw(RecentMessages)

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const chat = yield* Chat
    const rateLimits = yield* RateLimits

    const mayGoOn = (sender: UserId) =>
      Effect.flatMap(CurrentUser, ({ _tag }) => (_tag === "Service" ? Effect.void : rateLimits.send(sender)))

    return handlers.handleAll({
      send: ({ payload }) =>
        permit({ _tag: "Send", as: payload.sender_id }).pipe(
          Effect.andThen(mayGoOn(payload.sender_id)),
          Effect.andThen(chat.send(payload)),
          Effect.map(({ message, delivered }) => sent({ ...message, delivered_via_websocket: delivered })),
          Effect.catchTags({
            SenderNotFound: () => new Problems.SenderNotFound({ detail: "Sender not found" }),
            ReceiverNotFound: () => new Problems.ReceiverNotFound({ detail: "Receiver not found" }),
            ClientIdConflict: () =>
              new Problems.ClientIdConflict({ detail: "This client_id was used for another message" }),
            RateLimited: tooManyRequests,
            Unavailable: serviceUnavailable
          })
        ),

      history: ({
        query: { user_id, chat_with, before_id, skip = Skip.byDefault, limit = HistoryLimit.byDefault }
      }) =>
        permit({ _tag: "ReadHistory", of: user_id }).pipe(
          Effect.andThen(
            chat.history({ userId: user_id, chatWith: chat_with, beforeId: before_id, skip, limit })
          ),
          Effect.map(messagePage),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      recent: ({ params: { user_id } }) =>
        permit({ _tag: "ReadRecent", of: user_id }).pipe(
          Effect.andThen(chat.recent(user_id)),
          Effect.map((messages) => recentMessages({ messages: new Raw(messages) })),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        )
    })
  })
)
