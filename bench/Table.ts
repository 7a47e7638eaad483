import type { Line, Report, Values } from "./Report.ts"

const COLUMNS = [18, 12, 14, 14, 9, 13] as const

const format = (value: number): string => {
  if (!Number.isFinite(value)) return "-"
  const digits =
    value === 0 || Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits })
}

const formatValues = (values: Values | undefined, { isCount }: Line): string => {
  if (values === undefined) return "-"
  return isCount ? values.total.toLocaleString("en") : format(values.median)
}

const formatRatio = ({ ratio, better }: Line): string => {
  if (ratio === undefined || better === undefined) return ""
  return `${ratio.toFixed(2)} ${better === "higher" ? "↑" : "↓"}`
}

/** How far the rounds lie apart: what two servers differ by less than this says nothing. */
const formatSpread = ({ a, b, isCount }: Line): string =>
  [a, b]
    .map((value) => {
      if (value === undefined || value.rounds.length < 2 || value.median === 0 || isCount) return "-"
      const spread = Math.max(...value.rounds) - Math.min(...value.rounds)
      return `${Math.round((spread / value.median) * 100)}%`
    })
    .join(" ")

const row = (cells: ReadonlyArray<string>): string =>
  `  ${cells.map((cell, nth) => (nth < 2 ? cell.padEnd(COLUMNS[nth]!) : cell.padStart(COLUMNS[nth]!))).join("")}`.trimEnd()

const isShown = ({ a, b, shownWhenZero }: Line): boolean =>
  shownWhenZero !== false || [a, b].some((values) => values?.rounds.some((value) => value !== 0))

export const renderTable = ({
  environment,
  targets,
  calibration,
  lines,
  others,
  failures
}: Report): string => {
  const output = Object.entries(environment).map(([name, value]) => `${name.padEnd(12)} ${value}`)
  if (calibration.length > 0) {
    output.push("", "The load tool against a server that answers a constant")
    for (const { metric, unit, value } of calibration) output.push(row([metric, unit, format(value)]))
  }
  output.push("", row(["", "", ...targets, "ratio", "spread"]))
  let current = ""
  for (const line of lines.filter(isShown)) {
    if (line.case !== current) output.push(line.case)
    current = line.case
    const cells = [line.a, line.b].map((values) => formatValues(values, line))
    output.push(row([line.metric, line.unit, ...cells, formatRatio(line), formatSpread(line)]))
  }
  output.push(
    "",
    `ratio: ${targets[0]} / ${targets[1]}, of the medians of the rounds (counts are totals); ↑ higher is better, ↓ lower.`,
    "spread: the range of the rounds as a share of their median, for each server."
  )
  if (others !== undefined) {
    const [usual, worst] = [others.median, Math.max(...others.rounds)].map((cores) =>
      Math.max(0, cores).toFixed(2)
    )
    output.push(
      `Other work kept ${usual} cores busy in the usual case, ${worst} in the worst: quiet is under 0.2.`
    )
  }
  for (const { suite, target, round, reason } of failures) {
    output.push(`FAILED: ${suite}, ${target}, round ${round}: ${reason}`)
  }
  return `${output.join("\n")}\n`
}
