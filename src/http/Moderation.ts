import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { ReportLimit, ReportPage } from "../api/Moderation.ts"
import {
  messageDeleted,
  messageNotFound,
  notMember,
  serviceUnavailable,
  userNotFound,
  userSuspended
} from "../api/ProblemOf.ts"
import { Report, Suspension } from "../domain/Moderation.ts"
import type { UserId } from "../domain/User.ts"
import { withServices } from "../RequestContext.ts"
import { ReportRepo } from "../repo/ReportRepo.ts"
import { SuspensionRepo } from "../repo/SuspensionRepo.ts"
import { json } from "./Json.ts"
import * as OwnOrders from "./OwnOrders.ts"
import * as Permit from "./Permit.ts"

const report = json(Report)
const reportPage = json(ReportPage)
const suspension = json(Suspension)

const unknownUser = { UserNotFound: userNotFound, Unavailable: serviceUnavailable }

export const layer = HttpApiBuilder.group(
  Api,
  "moderation",
  Effect.fnUntraced(function* (handlers) {
    const reports = yield* ReportRepo
    const suspensions = yield* SuspensionRepo
    const disconnect = yield* OwnOrders.make
    const { actingUser, permit, permitAct, permitRows, reserve } = yield* Permit.make

    // The suspension is committed: when it cannot be read now, this node learns of it as the others do.
    const learn = (userId: UserId) => Effect.ignore(disconnect(userId))

    return handlers.handleAll({
      report: ({ params: { message_id }, payload: { user_id, reason } }) =>
        actingUser(user_id, "payload").pipe(
          Effect.tap((by) => permitAct({ _tag: "Report", as: by })),
          Effect.flatMap((by) => reports.report(by, message_id, reason ?? undefined)),
          Effect.map((made) => report(made)),
          Effect.catchTags({
            MessageNotFound: messageNotFound,
            NotMember: notMember,
            MessageDeleted: messageDeleted,
            Suspended: userSuspended,
            Unavailable: serviceUnavailable
          })
        ),

      listReports: Effect.fnUntraced(
        function* ({ query: { limit = ReportLimit.byDefault, after } }) {
          yield* permit({ _tag: "HandleReports" })
          yield* permitRows(limit)
          yield* reserve(limit, REPORT_BYTES)
          const { reports: found, next = null } = yield* reports.list(after, limit)
          return reportPage({ reports: found, next })
        },
        Effect.catchTags({ Unavailable: serviceUnavailable })
      ),

      resolveReport: ({ params: { report_id } }) =>
        permit({ _tag: "HandleReports" }).pipe(
          Effect.andThen(reports.resolve(report_id)),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        ),

      suspension: ({ params: { user_id } }) =>
        permit({ _tag: "ReadSuspension", of: user_id }).pipe(
          Effect.andThen(suspensions.find(user_id)),
          Effect.map((found) => suspension(found)),
          Effect.catchTags(unknownUser)
        ),

      suspend: ({ params: { user_id } }) =>
        permit({ _tag: "SuspendUser" }).pipe(
          Effect.andThen(Effect.tap(suspensions.suspend(user_id), learn(user_id))),
          Effect.map((made) => suspension(made)),
          Effect.catchTags(unknownUser)
        ),

      restore: ({ params: { user_id } }) =>
        permit({ _tag: "SuspendUser" }).pipe(
          Effect.andThen(Effect.tap(suspensions.restore(user_id), learn(user_id))),
          Effect.catchTags(unknownUser)
        )
    })
  }, withServices)
)

/** About what a report with a long message, and its copy, takes in an answer. In bytes. */
const REPORT_BYTES = 4000
