import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import * as Problems from "../api/Problems.ts"
import { Chat } from "../chat/Chat.ts"
import { json, jsonText } from "./Json.ts"
import { serviceUnavailable } from "./ProblemOf.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const chat = yield* Chat

    return handlers.handleAll({
      send: ({ payload }) =>
        chat.send(payload).pipe(
          Effect.map(({ message, delivered }) => json({ ...message, delivered_via_websocket: delivered })),
          Effect.catchTags({
            SenderNotFound: () => new Problems.SenderNotFound({ detail: "Sender not found" }),
            ReceiverNotFound: () => new Problems.ReceiverNotFound({ detail: "Receiver not found" }),
            ClientIdConflict: () =>
              new Problems.ClientIdConflict({ detail: "This client_id was used for another message" }),
            Unavailable: serviceUnavailable
          })
        ),

      history: ({ query: { user_id, chat_with, before_id, skip, limit } }) =>
        chat
          .history({ userId: user_id, chatWith: chat_with, beforeId: before_id, skip, limit })
          .pipe(Effect.map(json), Effect.catchTags({ Unavailable: serviceUnavailable })),

      recent: ({ params: { user_id } }) =>
        chat.recent(user_id).pipe(
          Effect.map((messages) => jsonText(`{"messages":[${messages.join(",")}]}`)),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        )
    })
  })
)
