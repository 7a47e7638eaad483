import type { Erased } from "./Erasure.ts"
import type { Latency } from "./Latency.ts"
import { isClean, type Tally } from "./Ledger.ts"

export interface Report {
  readonly urls: ReadonlyArray<string>
  readonly seed: number
  readonly users: number
  /** What the names of the users that the run made look like. */
  readonly usernames: string
  /** Why groups, edits, reactions and read marks were not checked; none when they were. */
  readonly lacking?: string
  /** What became of the users at the end; none when they stay because something was found wrong. */
  readonly erased?: Erased
  readonly seconds: number
  readonly tally: Tally
  /** Acknowledged steps of the group whose members change. */
  readonly memberships: number
  /** Sends that had neither an acknowledgement nor a refusal when patience ended. */
  readonly unanswered: number
  readonly reconnects: number
  /** What repeated sends, changes, paging, history, the recent list and the list of conversations got wrong, in words. */
  readonly disagreements: ReadonlyArray<string>
  /** Milliseconds. */
  readonly acknowledgement: Latency
  readonly delivery: Latency
}

export const isSound = ({ disagreements, tally, unanswered }: Report): boolean =>
  isClean(tally) && unanswered === 0 && tally.refused === 0 && disagreements.length === 0

const latency = ({ max, p50, p99 }: Latency): string => `p50 ${p50}  p99 ${p99}  max ${max} ms`

/** What the run leaves in the deployment. */
const left = ({ erased, usernames, users }: Report): string => {
  if (erased === undefined) return `${users} users (${usernames}) and what they wrote, to be looked at`
  const { finished, refusal, underWay } = erased
  const parts = [`nothing but the ids of ${finished} erased users and of their messages`]
  if (underWay > 0) parts.push(`${underWay} users that the server is still erasing`)
  const others = users - finished - underWay
  if (others > 0) parts.push(`${others} users (${usernames}) and what they wrote: ${refusal}`)
  return parts.slice(finished > 0 ? 0 : 1).join("; ")
}

export const toText = (report: Report): string => {
  const { tally } = report
  return [
    `${report.urls.join(" ")}  ${report.users} users, ${report.seconds} s, ${report.reconnects} reconnects, seed ${report.seed}`,
    `sent ${tally.sent}  acknowledged ${tally.acknowledged}  refused ${tally.refused}  unanswered ${report.unanswered}  changes ${tally.changes}  memberships ${report.memberships}  received ${tally.received}`,
    `lost ${tally.lost}  repeated ${tally.repeated}  reordered ${tally.reordered}  altered ${tally.altered}  disagreements ${report.disagreements.length}`,
    `acknowledged in  ${latency(report.acknowledgement)}`,
    `delivered in     ${latency(report.delivery)}`,
    ...tally.findings.map((finding) => `  ${finding}`),
    ...report.disagreements.map((finding) => `  disagreement: ${finding}`),
    ...(report.lacking === undefined
      ? []
      : [`not checked      groups, edits, reactions and read marks: ${report.lacking}`]),
    `left behind      ${left(report)}`,
    isSound(report) ? "OK" : "FAILED"
  ].join("\n")
}
