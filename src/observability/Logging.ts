import { Effect, Formatter, Layer, Logger, References } from "effect"
import { AppConfig } from "../AppConfig.ts"

/** One flat JSON object: `timestamp`, `level`, `message`, what the line is about (`request_id`), and the cause. */
const json = Logger.make<unknown, string>((options) => {
  const { timestamp, level, message, annotations, cause } = Logger.formatStructured.log(options)
  const { span } = options.fiber.cache
  const trace = span?.sampled === true ? { trace_id: span.traceId } : {}
  return Formatter.formatJson({ timestamp, level, message, ...annotations, ...trace, cause })
})

/** Logs for a person on a terminal, and one JSON object a line elsewhere; `LOG_FORMAT` decides otherwise. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { logFormat, logLevel } = yield* AppConfig
    const isPretty = logFormat === "pretty" || (logFormat === "auto" && process.stdout.isTTY)
    return Layer.mergeAll(
      Logger.layer([isPretty ? Logger.consolePretty() : Logger.withConsoleLog(json)]),
      Layer.succeed(References.MinimumLogLevel, logLevel)
    )
  })
)

/**
 * Lets the process outlive the readers of its standard output and standard error, which Node ends with EPIPE by default. What is logged
 * without a reader is lost; standard error says so once.
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
