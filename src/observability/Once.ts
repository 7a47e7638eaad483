import { Effect } from "effect"

/** Makes a warning that is logged once in the life of the process, as what it tells of repeats with each request. */
export const warnOnce = (): ((line: string) => Effect.Effect<void>) => {
  let isWarned = false
  return (line) =>
    Effect.suspend(() => {
      if (isWarned) return Effect.void
      isWarned = true
      return Effect.logWarning(line)
    })
}
