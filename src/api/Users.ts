import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { EpochText, Seq } from "../domain/Event.ts"
import { Text, Timestamp } from "../domain/Text.ts"
import { ExternalId, ExternalUser, NewUser, User, UserChange, UserId } from "../domain/User.ts"
import { Authorization } from "./Authorization.ts"
import { NOT_ORDERED, ORDERED_CODES } from "./CloseCode.ts"
import { eraseUser, exportUser } from "./Erasure.ts"
import { ServerEvent } from "./EventFrames.ts"
import { EpochParam, limit, SeqParam, skip, UserIdParam, userIdParam, Wait } from "./Parameters.ts"
import { Paths } from "./Paths.ts"
import { ServiceUnavailable, UserNotFound, UsernameFixed, UsernameTaken } from "./Problems.ts"
import { RequestValidation } from "./RequestValidation.ts"

export const Presence = Schema.Struct({
  user_id: UserId,
  online: Schema.Boolean.annotate({ description: "Whether a socket of the user is open, on any node" }),
  connections: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
    description: "How many sockets of the user are open, on all nodes"
  }),
  last_seen: Schema.NullOr(Timestamp).annotate({
    description: "When the user was last online: now while online, null when that is not known"
  })
}).annotate({ identifier: "Presence", description: "Whether a user is online" })
export type Presence = typeof Presence.Type

export const EventPage = Schema.Struct({
  events: Schema.Array(ServerEvent),
  cursor: Seq.annotate({ description: "The `since` of the next call" }),
  epoch: EpochText.annotate({ description: "The `epoch` of the next call" }),
  recovered: Schema.Boolean.annotate({
    description:
      "False when `since` is older than what is kept, beyond the head or of another epoch: then there are no events, `cursor` is the head, and the history is to be loaded anew"
  })
}).annotate({ identifier: "EventPage", description: "Inbox events in order" })
export type EventPage = typeof EventPage.Type

export const DisconnectOrder = Schema.Struct({
  code: Schema.optionalKey(
    Schema.Literals(ORDERED_CODES).annotate({
      description:
        "The close code. 4002, when it is absent: the client is not to connect again. 4001, when it is absent and tokens are taken back: " +
        "connect again with a new token. 4003: the user is not allowed to connect any more. 1012: connect again at once",
      message: NOT_ORDERED
    })
  ),
  revoke_tokens: Schema.optionalKey(
    Schema.Boolean.annotate({
      description: "Whether the tokens that were issued to the user until now are refused from now on",
      message: "must be true or false"
    })
  )
}).annotate({ identifier: "DisconnectOrder", description: "How to disconnect a user; {} will do" })

export const Disconnected = Schema.Struct({
  user_id: UserId,
  code: Schema.Int.annotate({ description: "The close code of the sockets" }),
  tokens_not_before: Schema.NullOr(Timestamp).annotate({
    description: "Tokens of the user that were issued before are refused; null when none were ever taken back"
  })
}).annotate({ identifier: "Disconnected", description: "An order to close the sockets of a user" })
export type Disconnected = typeof Disconnected.Type

export const UserList = Schema.Array(User)

/** How many users a list skips. */
export const UserSkip = skip("after_id")

/** A list has at most 100 users, unless `limit` says otherwise. */
export const UserLimit = limit(100)

const name = (maximum: number) =>
  Text.check(Schema.isBetweenCodePoints(1, maximum, { message: `must have 1 to ${maximum} characters` }))

/** A username to search for. One that no user can have finds nobody. */
const WantedUsername = name(50).annotate({
  description: "Only the user with this username; case matters. The list has one user or none",
  examples: ["alice"]
})

/** The beginning of a name to search for. */
const NamePrefix = name(100).annotate({
  description:
    "Only users whose username or display name begins so, in any case; ordered by that name. No character is a wildcard",
  examples: ["ali"]
})

/** A page has at most 100 events, unless `limit` says otherwise. */
export const EventLimit = limit(100)

export class Users extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.post("create", "/", {
      payload: NewUser,
      success: User,
      error: [UsernameTaken, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Create a user", description: "For tokens with `scope` `service`." })
    ),
    HttpApiEndpoint.get("list", "/", {
      query: {
        skip: UserSkip.schema,
        limit: UserLimit.schema,
        after_id: Schema.optionalKey(
          userIdParam({ description: "Only users after the one with this id: the last of the page before" })
        ),
        username: Schema.optionalKey(WantedUsername),
        q: Schema.optionalKey(NamePrefix)
      },
      success: UserList,
      error: ServiceUnavailable
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List users, or look them up",
        description:
          "Ordered by id; with `q`, by name. Page with `after_id`: the id of the last user of the page before."
      })
    ),
    HttpApiEndpoint.get("get", "/:user_id", {
      params: { user_id: UserIdParam },
      success: User,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(OpenApi.annotations({ summary: "Get a user" })),
    HttpApiEndpoint.get("me", "/me", {
      success: User,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Get the user whose token this is",
        description: "For tokens of users."
      })
    ),
    HttpApiEndpoint.patch("update", "/:user_id", {
      params: { user_id: UserIdParam },
      payload: UserChange,
      success: User,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Change a user's profile",
        description:
          "For the user itself and the application's own backend. The user gets an event, and so do at most 1000 of those who share a " +
          "conversation with it: those of its latest conversations."
      })
    ),
    HttpApiEndpoint.get("getExternal", "/by-external-id/:external_id", {
      params: { external_id: ExternalId },
      success: User,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(OpenApi.annotations({ summary: "Get a user by its external id" })),
    HttpApiEndpoint.put("putExternal", "/by-external-id/:external_id", {
      params: { external_id: ExternalId },
      payload: ExternalUser,
      success: User,
      error: [UsernameTaken, UsernameFixed, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Make or change a user by its external id",
        description:
          "Makes the user when nobody has the external id, else changes what is given. Safe to repeat. For the application's own " +
          "backend; a user may change itself."
      })
    ),
    HttpApiEndpoint.get("presence", "/:user_id/presence", {
      params: { user_id: UserIdParam },
      success: Presence,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(OpenApi.annotations({ summary: "Show whether a user is online" })),
    HttpApiEndpoint.post("disconnect", "/:user_id/disconnect", {
      params: { user_id: UserIdParam },
      payload: DisconnectOrder,
      success: Disconnected,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Disconnect a user",
        description:
          "Closes the sockets that the user has, on every node, within about a second. With `revoke_tokens`, the tokens " +
          "that were issued to the user until the end of this second are refused. For tokens with `scope` `service`."
      })
    ),
    HttpApiEndpoint.get("events", "/:user_id/events", {
      params: { user_id: UserIdParam },
      query: {
        since: SeqParam,
        epoch: Schema.optionalKey(EpochParam),
        limit: EventLimit.schema,
        wait: Wait.schema
      },
      success: EventPage,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read a user's inbox",
        description:
          "The events after `since`, in order, without gap or repeat: the same events that a `minichat.v2` socket gets. " +
          "With `wait`, an answer without events is held back until there is one, for at most that many seconds."
      })
    ),
    eraseUser,
    exportUser
  )
  .middleware(RequestValidation)
  .middleware(Authorization)
  .prefix(Paths.users)
  .annotateMerge(
    OpenApi.annotations({ title: "Users", description: "Users, their presence and their inbox" })
  ) {}
