import { DateTime, Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { serviceUnavailable, userNotFound, usernameTaken } from "../api/ProblemOf.ts"
import type { UserId } from "../domain/User.ts"
import { type InboxPage, InboxReader } from "../inbox/InboxReader.ts"
import { Sessions } from "../presence/Sessions.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import { json, jsonUtf8 } from "./Json.ts"
import * as Permit from "./Permit.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const users = yield* UserRepo
    const sessions = yield* Sessions
    const inboxes = yield* InboxRepo
    const reader = yield* InboxReader
    const { permit } = yield* Permit.make

    const currentTag = (userId: UserId) =>
      Effect.map(
        inboxes.bounds(userId),
        (bounds) => bounds && tagOf(bounds.epoch, bounds.head, bounds.pruned)
      )

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

      events: ({ params: { user_id }, query: { since, epoch, limit, wait } }) =>
        permit({ _tag: "ReadEvents", of: user_id }).pipe(
          Effect.andThen(
            unlessKnown(
              // A call that may wait answers 304 only after it waited.
              wait > 0 ? Effect.undefined : currentTag(user_id),
              reader
                .read(user_id, since, limit, wait, epoch)
                .pipe(
                  Effect.flatMap((page) => tagged(tagOf(page.epoch, page.head, page.pruned), eventPage(page)))
                )
            )
          ),
          Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
        )
    })
  })
)

const COMMA = Buffer.from(",")

/** An `EventPage` of frames that are JSON in UTF-8 already. */
const eventPage = ({ events, cursor, epoch, recovered }: InboxPage) =>
  jsonUtf8(
    Buffer.concat([
      Buffer.from('{"events":['),
      ...events.flatMap(({ frame }, i) => (i === 0 ? [frame] : [COMMA, frame])),
      Buffer.from(`],"cursor":${cursor},"epoch":${JSON.stringify(epoch)},"recovered":${recovered}}`)
    ])
  )
