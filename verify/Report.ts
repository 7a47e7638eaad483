import type { Latency } from "./Latency.ts"
import { isClean, type Tally } from "./Ledger.ts"

export interface Report {
  readonly urls: ReadonlyArray<string>
  readonly seed: number
  readonly users: number
  /** What the names of the users that the run made look like. They stay, with their messages: no call deletes a user. */
  readonly usernames: string
  readonly seconds: number
  readonly tally: Tally
  /** Sends that had neither an acknowledgement nor a refusal when patience ended. */
  readonly unanswered: number
  readonly reconnects: number
  /** What repeated sends, paging, history and the recent list got wrong, in words. */
  readonly disagreements: ReadonlyArray<string>
  /** Milliseconds. */
  readonly acknowledgement: Latency
  readonly delivery: Latency
}

export const isSound = ({ disagreements, tally, unanswered }: Report): boolean =>
  isClean(tally) && unanswered === 0 && tally.refused === 0 && disagreements.length === 0

const latency = ({ max, p50, p99 }: Latency): string => `p50 ${p50}  p99 ${p99}  max ${max} ms`

export const toText = (report: Report): string => {
  const { tally } = report
  return [
    `${report.urls.join(" ")}  ${report.users} users, ${report.seconds} s, ${report.reconnects} reconnects, seed ${report.seed}`,
    `sent ${tally.sent}  acknowledged ${tally.acknowledged}  refused ${tally.refused}  unanswered ${report.unanswered}  received ${tally.received}`,
    `lost ${tally.lost}  repeated ${tally.repeated}  reordered ${tally.reordered}  altered ${tally.altered}  disagreements ${report.disagreements.length}`,
    `acknowledged in  ${latency(report.acknowledgement)}`,
    `delivered in     ${latency(report.delivery)}`,
    ...tally.findings.map((finding) => `  ${finding}`),
    ...report.disagreements.map((finding) => `  disagreement: ${finding}`),
    `left behind      ${report.users} users (${report.usernames}) and their messages: the API deletes no users`,
    isSound(report) ? "OK" : "FAILED"
  ].join("\n")
}
