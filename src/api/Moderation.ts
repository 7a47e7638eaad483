import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Reason, Report, ReportEntry, Suspension } from "../domain/Moderation.ts"
import { Authorization } from "./Authorization.ts"
import { actingUser, limit, messageIdParam, positiveParam, UserIdParam } from "./Parameters.ts"
import { Paths } from "./Paths.ts"
import {
  MessageDeleted,
  MessageNotFound,
  NotMember,
  ServiceUnavailable,
  TooManyRequests,
  UserNotFound
} from "./Problems.ts"
import { RequestValidation } from "./RequestValidation.ts"

export const NewReport = Schema.Struct({
  ...actingUser,
  reason: Schema.optionalKey(Schema.NullOr(Reason))
}).annotate({ identifier: "NewReport", description: "Why a message is reported; {} will do" })

export const ReportPage = Schema.Struct({
  reports: Schema.Array(ReportEntry),
  next: Schema.NullOr(Schema.Int).annotate({
    description: "The `after` of the next page; null when this was the last"
  })
}).annotate({ identifier: "ReportPage", description: "Reports, oldest first" })

/** A page has at most 50 reports, unless `limit` says otherwise. */
export const ReportLimit = limit(50)

const suspension = `${Paths.users}/:user_id/suspension` as const

export class Moderation extends HttpApiGroup.make("moderation")
  .add(
    HttpApiEndpoint.post("report", `${Paths.messages}/:message_id/report`, {
      params: { message_id: messageIdParam({ description: "The id of the message", example: 7 }) },
      payload: NewReport,
      success: Report,
      error: [MessageNotFound, NotMember, MessageDeleted, TooManyRequests, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Report a message",
        description:
          "For those who may read the message. The report keeps what the message says now, for the moderators. A repeated call of the same user is " +
          "answered with its first report, which it does not change."
      })
    ),
    HttpApiEndpoint.get("listReports", Paths.reports, {
      query: {
        limit: ReportLimit.schema,
        after: Schema.optionalKey(
          positiveParam({
            description: "Only reports with an id above this one: the `next` of the page before"
          })
        )
      },
      success: ReportPage,
      error: ServiceUnavailable
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List the reports",
        description:
          "Oldest first, each with its message as it was reported and as it is now. For tokens with `scope` `service`."
      })
    ),
    HttpApiEndpoint.delete("resolveReport", `${Paths.reports}/:report_id`, {
      params: { report_id: positiveParam({ description: "The id of the report", example: 5 }) },
      error: ServiceUnavailable
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Delete a report that is resolved",
        description:
          "The user may report the message anew then. For tokens with `scope` `service`. Safe to repeat."
      })
    ),
    HttpApiEndpoint.get("suspension", suspension, {
      params: { user_id: UserIdParam },
      success: Suspension,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Show whether a user is suspended",
        description: "For the user itself, and for tokens with `scope` `service`."
      })
    ),
    HttpApiEndpoint.put("suspend", suspension, {
      params: { user_id: UserIdParam },
      success: Suspension,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Suspend a user",
        description:
          "The user may read from then on, and is refused everything else with 403. Its sockets are closed with 4003, on every node " +
          "within about a second. For tokens with `scope` `service`. Safe to repeat."
      })
    ),
    HttpApiEndpoint.delete("restore", suspension, {
      params: { user_id: UserIdParam },
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "End the suspension of a user",
        description: "For tokens with `scope` `service`. Safe to repeat."
      })
    )
  )
  .middleware(RequestValidation)
  .middleware(Authorization)
  .annotateMerge(
    OpenApi.annotations({
      title: "Moderation",
      description: "Reports of messages, and users who are suspended"
    })
  ) {}
