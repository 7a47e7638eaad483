import { Formatter, Layer, Logger, type LogLevel, References } from "effect"

/** One flat JSON object: `timestamp`, `level`, `message`, annotations such as `request_id`, and the cause. */
const json = Logger.make<unknown, string>((options) => {
  const { timestamp, level, message, annotations, cause } = Logger.formatStructured.log(options)
  const { span } = options.fiber.cache
  const trace = span?.sampled === true ? { trace_id: span.traceId } : {}
  return Formatter.formatJson({ timestamp, level, message, ...annotations, ...trace, cause })
})

export interface LogSettings {
  /** `auto` logs text on a terminal, and one JSON object a line elsewhere. */
  readonly logFormat: "auto" | "pretty" | "json"
  /** The least severe level that is logged. */
  readonly logLevel: LogLevel.LogLevel
}

/** Logs to standard output. */
export const layer = ({ logFormat, logLevel }: LogSettings) => {
  const isPretty = logFormat === "pretty" || (logFormat === "auto" && process.stdout.isTTY)
  return Layer.mergeAll(
    Logger.layer([isPretty ? Logger.consolePretty() : Logger.withConsoleLog(json)]),
    Layer.succeed(References.MinimumLogLevel, logLevel)
  )
}

/**
 * Keeps the process alive when the reader of its standard output or standard error ends: by default EPIPE ends the process. Log lines
 * without a reader are lost; a line on standard error says so once.
 */
export const outliveReaders = () => {
  process.stderr.on("error", () => {})
  process.stdout.on("error", () => {})
  process.stdout.once("error", (error) => {
    process.stderr.write(
      `Mini Chat serves on without its log: nothing reads standard output (${error.message})\n`
    )
  })
}
