import { DateTime, Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Directory } from "../access/Directory.ts"
import { Disconnects } from "../access/Disconnects.ts"
import { selfOf } from "../access/Policy.ts"
import { Api } from "../api/Api.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import { CloseCode } from "../api/CloseCode.ts"
import {
  forbidden,
  registrationUnavailable,
  serviceUnavailable,
  userNotFound,
  usernameTaken
} from "../api/ProblemOf.ts"
import { Disconnected } from "../api/Users.ts"
import { Blocks } from "../chat/Blocks.ts"
import { Sessions } from "../presence/Sessions.ts"
import { withServices } from "../RequestContext.ts"
import { DisconnectRepo } from "../repo/DisconnectRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import * as Erasure from "./Erasure.ts"
import * as Events from "./Events.ts"
import { json } from "./Json.ts"
import * as People from "./People.ts"
import * as Permit from "./Permit.ts"

const disconnected = json(Disconnected)

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const users = yield* UserRepo
    const blocks = yield* Blocks
    const disconnectRepo = yield* DisconnectRepo
    const disconnects = yield* Disconnects
    const sessions = yield* Sessions
    const directory = yield* Directory
    const people = yield* People.make
    const { permit } = yield* Permit.make
    const erasure = yield* Erasure.make
    const events = yield* Events.make

    return handlers.handleAll({
      ...erasure,

      ...events,

      create: ({ payload: { username, display_name } }) =>
        permit({ _tag: "CreateUser" }).pipe(
          Effect.andThen(users.create(username, display_name ?? username)),
          Effect.catchTags({
            UsernameTaken: usernameTaken,
            Unavailable: registrationUnavailable
          })
        ),

      ...people,

      presence: Effect.fnUntraced(
        function* ({ params: { user_id } }) {
          yield* permit({ _tag: "ReadPresence" })
          const caller = yield* CurrentCaller
          yield* directory.permitSight(caller, [user_id])
          yield* users.find(user_id)
          const self = selfOf(caller)
          if (self !== undefined && (yield* blocks.hidden(self, [user_id])).has(user_id))
            return { user_id, online: false, connections: 0, last_seen: null }
          const { connections, lastSeen } = yield* sessions.presence(user_id)
          return {
            user_id,
            online: connections > 0,
            connections,
            last_seen: Option.getOrNull(Option.map(lastSeen, DateTime.formatIso))
          }
        },
        Effect.catchTags({
          Forbidden: forbidden,
          UserNotFound: userNotFound,
          Unavailable: serviceUnavailable
        })
      ),

      disconnect: ({ params: { user_id }, payload: { code, revoke_tokens = false } }) => {
        const byDefault = revoke_tokens ? CloseCode.unauthorized.code : CloseCode.disconnected.code
        return permit({ _tag: "DisconnectUser" }).pipe(
          Effect.andThen(disconnectRepo.order(user_id, code ?? byDefault, revoke_tokens)),
          Effect.map((order) => {
            disconnects.learn([order])
            return disconnected({
              user_id,
              code: order.closeCode,
              tokens_not_before:
                order.tokensNotBefore === undefined
                  ? null
                  : DateTime.formatIso(DateTime.makeUnsafe(order.tokensNotBefore * 1000))
            })
          }),
          Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
        )
      }
    })
  }, withServices)
)
