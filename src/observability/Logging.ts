import { Effect, Layer, Logger, References } from "effect"
import { AppConfig } from "../AppConfig.ts"

/** Logs for a person on a terminal, and one JSON object a line elsewhere; `LOG_FORMAT` decides otherwise. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { logFormat, logLevel } = yield* AppConfig
    const isPretty = logFormat === "pretty" || (logFormat === "auto" && process.stdout.isTTY)
    return Layer.mergeAll(
      Logger.layer([isPretty ? Logger.consolePretty() : Logger.consoleJson]),
      Layer.succeed(References.MinimumLogLevel, logLevel)
    )
  })
)
