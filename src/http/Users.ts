import { DateTime, Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Directory } from "../access/Directory.ts"
import { Disconnects } from "../access/Disconnects.ts"
import { OpenPlaces } from "../access/OpenPlaces.ts"
import { Api } from "../api/Api.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import { CloseCode } from "../api/CloseCode.ts"
import { Wait } from "../api/Parameters.ts"
import {
  forbidden,
  serviceUnavailable,
  tooManyPlaces,
  userNotFound,
  usernameTaken
} from "../api/ProblemOf.ts"
import { Disconnected, EventLimit, EventPage } from "../api/Users.ts"
import { Blocks } from "../chat/Blocks.ts"
import type { InboxEvent } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"
import { InboxReader } from "../inbox/InboxReader.ts"
import { Sessions } from "../presence/Sessions.ts"
import { withServices } from "../RequestContext.ts"
import { DisconnectRepo } from "../repo/DisconnectRepo.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import * as Erasure from "./Erasure.ts"
import { json, jsonWithRaw, RawJson } from "./Json.ts"
import * as People from "./People.ts"
import * as Permit from "./Permit.ts"

/** The query parameters of a read of events. */
interface EventQuery {
  readonly since: number
  readonly limit: number
  readonly wait: number
  readonly epoch: string | undefined
}

const disconnected = json(Disconnected)
const eventPage = jsonWithRaw(EventPage)

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const users = yield* UserRepo
    const blocks = yield* Blocks
    const disconnectRepo = yield* DisconnectRepo
    const disconnects = yield* Disconnects
    const sessions = yield* Sessions
    const inboxes = yield* InboxRepo
    const reader = yield* InboxReader
    const places = yield* OpenPlaces
    const directory = yield* Directory
    const people = yield* People.make
    const { permit, permitRows, reserve } = yield* Permit.make
    const erasure = yield* Erasure.make

    const currentTag = (userId: UserId) =>
      Effect.map(
        inboxes.bounds(userId),
        (bounds) => bounds && tagOf(bounds.epoch, bounds.head, bounds.pruned)
      )

    const readEvents = (userId: UserId, { since, limit, wait, epoch }: EventQuery) =>
      Effect.flatMap(
        reader.read(userId, since, limit, wait, epoch, (events) => reserve(events, EVENT_BYTES)),
        ({ events, cursor, epoch, recovered, head, pruned }) =>
          tagged(tagOf(epoch, head, pruned), eventPage({ events: arrayOf(events), cursor, epoch, recovered }))
      )

    return handlers.handleAll({
      ...erasure,

      create: ({ payload: { username, display_name } }) =>
        permit({ _tag: "CreateUser" }).pipe(
          Effect.andThen(users.create(username, display_name ?? username)),
          Effect.catchTags({
            UsernameTaken: usernameTaken,
            Unavailable: serviceUnavailable
          })
        ),

      ...people,

      presence: Effect.fnUntraced(
        function* ({ params: { user_id } }) {
          yield* permit({ _tag: "ReadPresence" })
          const caller = yield* CurrentCaller
          yield* directory.permitSight(caller, [user_id])
          yield* users.find(user_id)
          if (caller._tag === "Member" && (yield* blocks.hidden(caller.userId, [user_id])).has(user_id))
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
      },

      events: ({
        params: { user_id },
        query: { since, epoch, limit = EventLimit.byDefault, wait = Wait.byDefault }
      }) =>
        permit({ _tag: "ReadEvents", of: user_id }).pipe(
          Effect.andThen(permitRows(limit)),
          Effect.andThen(
            // A call that may wait takes a place of its user, like a socket, and answers 304 only after it waited.
            wait > 0
              ? places.poll(user_id, readEvents(user_id, { since, limit, wait, epoch }))
              : unlessKnown(currentTag(user_id), readEvents(user_id, { since, limit, wait, epoch }))
          ),
          Effect.catchTags({
            UserNotFound: userNotFound,
            Unavailable: serviceUnavailable,
            TooManyPlaces: tooManyPlaces
          })
        )
    })
  }, withServices)
)

/** About the size of the event of a long message in an answer. In bytes. */
const EVENT_BYTES = 1400

const COMMA = Buffer.from(",")

/** The JSON array of frames that are JSON in UTF-8 already. */
const arrayOf = (events: ReadonlyArray<InboxEvent>) =>
  new RawJson(
    Buffer.concat([
      Buffer.from("["),
      ...events.flatMap(({ frame }, i) => (i === 0 ? [frame] : [COMMA, frame])),
      Buffer.from("]")
    ])
  )
