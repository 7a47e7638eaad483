import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { clientIdConflict, receiverNotFound, senderNotFound, serviceUnavailable } from "../api/ProblemOf.ts"
import { Chat } from "../chat/Sends.ts"
import { json, jsonProperty } from "./Json.ts"
import * as Permit from "./Permit.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "messages",
  Effect.fnUntraced(function* (handlers) {
    const chat = yield* Chat
    const { permit, permitSend } = yield* Permit.make

    return handlers.handleAll({
      send: ({ payload }) =>
        permitSend(payload.sender_id).pipe(
          Effect.andThen(chat.send(payload)),
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
            chat.history({ userId: user_id, chatWith: chat_with, beforeId: before_id, skip, limit })
          ),
          Effect.map(json),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      recent: ({ params: { user_id } }) =>
        permit({ _tag: "ReadRecent", of: user_id }).pipe(
          Effect.andThen(chat.recent(user_id)),
          Effect.map((messages) => jsonProperty("messages", messages)),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        )
    })
  })
)
