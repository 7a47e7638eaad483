import { DateTime, Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { serviceUnavailable, userNotFound, usernameTaken } from "../api/ProblemOf.ts"
import { Inboxes } from "../inbox/InboxReader.ts"
import { Sessions } from "../presence/Sessions.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { json, jsonText } from "./Json.ts"
import * as Permit from "./Permit.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const users = yield* UserRepo
    const sessions = yield* Sessions
    const inboxes = yield* Inboxes
    const { permit } = yield* Permit.make

    return handlers.handleAll({
      create: ({ payload: { username, display_name } }) =>
        permit({ _tag: "CreateUser" }).pipe(
          Effect.andThen(users.create(username, display_name ?? username)),
          Effect.catchTags({
            UsernameTaken: usernameTaken,
            Unavailable: serviceUnavailable
          })
        ),

      list: ({ query: { skip, limit } }) =>
        permit({ _tag: "ReadUsers" }).pipe(
          Effect.andThen(users.list(skip, limit)),
          Effect.map(json),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      get: ({ params: { user_id } }) =>
        permit({ _tag: "ReadUsers" }).pipe(
          Effect.andThen(users.find(user_id)),
          Effect.map(json),
          Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
        ),

      presence: Effect.fnUntraced(
        function* ({ params: { user_id } }) {
          yield* permit({ _tag: "ReadPresence" })
          yield* users.find(user_id)
          const { connections, lastSeen } = yield* sessions.presence(user_id)
          return {
            user_id,
            online: connections > 0,
            connections,
            last_seen: Option.getOrNull(Option.map(lastSeen, DateTime.formatIso))
          }
        },
        Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
      ),

      events: ({ params: { user_id }, query: { since, limit, wait } }) =>
        permit({ _tag: "ReadEvents", of: user_id }).pipe(
          Effect.andThen(inboxes.read(user_id, since, limit, wait)),
          Effect.map(({ events, cursor, recovered }) => {
            const frames = events.map(({ frame }) => frame).join(",")
            return jsonText(`{"events":[${frames}],"cursor":${cursor},"recovered":${recovered}}`)
          }),
          Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
        )
    })
  })
)
