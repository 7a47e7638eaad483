import {
  Cause,
  ConfigProvider,
  Console,
  Effect,
  Exit,
  Layer,
  type Runtime,
  Schema,
  SchemaIssue
} from "effect"
import type { ConfigError } from "effect/Config"
import type { ServeError } from "effect/http/HttpServerError"
import { AppConfig, settingNames } from "./AppConfig.ts"
import type { TokenKeyError } from "./access/TokenKeys.ts"
import type { DatabaseStartError } from "./database/DatabaseStartError.ts"
import type { DataDirLocked } from "./database/DataDirLock.ts"
import type { DescriptorLimitError } from "./observability/Descriptors.ts"
import * as Logging from "./observability/Logging.ts"
import { unknownSettings } from "./settings/UnknownSettings.ts"
import type { WorkersError } from "./Workers.ts"
import type { WebhookSettingsError } from "./webhooks/WebhookTargets.ts"

/** Logs as `LOG_FORMAT` and `LOG_LEVEL` say. */
export const logging = Layer.unwrap(Effect.map(AppConfig, Logging.layer))

type StartError =
  | WorkersError
  | ConfigError
  | DatabaseStartError
  | DataDirLocked
  | DescriptorLimitError
  | TokenKeyError
  | WebhookSettingsError
  | ServeError

const describe = (error: StartError): string => {
  switch (error._tag) {
    case "ConfigError":
      return `A setting is wrong: ${settingsProblem(error)}`
    case "ServeError":
      return `The server cannot listen (HOST, PORT): ${error.cause instanceof Error ? error.cause.message : error.cause}`
    default:
      return error.message
  }
}

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const settingsProblem = ({ cause, message }: ConfigError): string =>
  Schema.isSchemaError(cause)
    ? formatIssues(cause.issue)
        .issues.map(({ path, message }) => `${(path ?? []).map(String).join(".")}: ${message}`)
        .join("; ")
    : cause instanceof ConfigProvider.SourceError
      ? cause.message
      : message

/** Logs in one line why the server does not start. Exit code 1. */
export const startErrors = <A, R>(program: Effect.Effect<A, StartError, R>) =>
  Effect.tapError(program, (error) => Console.error(`Mini Chat cannot start. ${describe(error)}`))

/** Logs a defect that ends the server, with its stack: it is a fault of the server. Exit code 1. */
export const logDefects = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.tapDefect(program, (defect) => Effect.logFatal("Mini Chat failed", defect))

/**
 * Makes SIGHUP, which a closed terminal sends, and SIGQUIT, by which some images are stopped, drain the server as SIGTERM does. By
 * default they end the process at once.
 */
export const drainOnOtherSignals = () => {
  for (const signal of ["SIGHUP", "SIGQUIT"] as const) process.on(signal, () => process.emit("SIGTERM"))
}

/** A signal is how a server is meant to end: exit code 0. A failed start or a defect is 1. */
export const teardown: Runtime.Teardown = (exit, onExit) =>
  onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)

/** Warns of environment variables that look like settings but are not. */
export const warnOfUnknownSettings = Effect.flatMap(settingNames, (names) =>
  Effect.forEach(unknownSettings(process.env, names), (line) => Effect.logWarning(line), { discard: true })
)
