import { DateTime, Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { Skip, Wait } from "../api/Parameters.ts"
import * as Problems from "../api/Problems.ts"
import { EventLimit, EventPage, UserLimit, UserList } from "../api/Users.ts"
import { User } from "../domain/User.ts"
import { Inboxes } from "../inbox/InboxReader.ts"
import { Sessions } from "../presence/Sessions.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { json, jsonWithRaw, Raw } from "./Json.ts"
import { permit } from "./Permit.ts"
import { serviceUnavailable, userNotFound } from "./ProblemOf.ts"

const user = json(User)
const userList = json(UserList)
const eventPage = jsonWithRaw(EventPage)

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const users = yield* UserRepo
    const sessions = yield* Sessions
    const inboxes = yield* Inboxes

    return handlers.handleAll({
      create: ({ payload: { username, display_name } }) =>
        permit({ _tag: "CreateUser" }).pipe(
          Effect.andThen(users.create(username, display_name ?? username)),
          Effect.catchTags({
            UsernameTaken: () => new Problems.UsernameTaken({ detail: "Username already registered" }),
            Unavailable: serviceUnavailable
          })
        ),

      list: ({ query: { skip = Skip.byDefault, limit = UserLimit.byDefault } }) =>
        permit({ _tag: "ReadUsers" }).pipe(
          Effect.andThen(users.list(skip, limit)),
          Effect.map(userList),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      get: ({ params: { user_id } }) =>
        permit({ _tag: "ReadUsers" }).pipe(
          Effect.andThen(users.find(user_id)),
          Effect.map(user),
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

      events: ({
        params: { user_id },
        query: { since, limit = EventLimit.byDefault, wait = Wait.byDefault }
      }) =>
        permit({ _tag: "ReadEvents", of: user_id }).pipe(
          Effect.andThen(inboxes.read(user_id, since, limit, wait)),
          Effect.map(({ events, cursor, recovered }) => {
            const frames = events.map(({ frame }) => frame).join(",")
            return eventPage({ events: new Raw(`[${frames}]`), cursor, recovered })
          }),
          Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
        )
    })
  })
)
