import { Effect, Logger } from "effect"

/** The lines, `LEVEL message`, that an effect logs. */
export const linesOf = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${message}`))
  yield* Effect.provide(effect, Logger.layer([logger]))
  return lines
})
