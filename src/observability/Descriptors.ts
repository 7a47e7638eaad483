import { closeSync, openSync, readFileSync } from "node:fs"
import { devNull } from "node:os"
import { Context, Duration, Effect, Layer, Schema } from "effect"
import { atTicks } from "../domain/Timing.ts"

/** How often it is checked whether a descriptor is left. */
const TRIED_EVERY = Duration.seconds(1)

/** As many as a server with the embedded database opens, and some for its clients. */
const LEAST = 256

/** The process may open too few files to start. */
export class DescriptorLimitError extends Schema.TaggedError<DescriptorLimitError>()("DescriptorLimitError", {
  message: Schema.String
}) {}

/** How many files the process may open; `undefined` where the system has no /proc. Node.js raises the soft limit to the hard one. */
const limit = (): number | undefined => {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))
    return found === null ? undefined : Number(found[1])
  } catch {
    return undefined
  }
}

/** Fails when the process may open too few files to serve. */
export const enoughDescriptors = Effect.suspend(() => {
  const most = limit()
  return most === undefined || most >= LEAST
    ? Effect.void
    : new DescriptorLimitError({
        message: `The process may open ${most} files at most (ulimit -n), and needs ${LEAST} or more`
      })
})

const isLeft = (): boolean => {
  try {
    closeSync(openSync(devNull, "r"))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== "EMFILE" && code !== "ENFILE"
  }
}

/**
 * Whether the process can open files and connections. Without a free descriptor, Node.js accepts each new connection and closes it
 * silently.
 */
export class Descriptors extends Context.Service<
  Descriptors,
  {
    /** Whether a descriptor was left at the last check, at most a second ago. */
    areLeft(): boolean
  }
>()("minichat/observability/Descriptors") {
  static readonly layer = Layer.effect(
    Descriptors,
    Effect.gen(function* () {
      // Read at the start, while descriptors are left: reading it opens a file.
      const most = limit()
      let areLeft = true
      const warned = Effect.suspend(() =>
        areLeft
          ? Effect.logInfo("Descriptors are left again: new connections are served")
          : Effect.logWarning(
              `No descriptors are left, and new connections are closed: the process may open ${most ?? "no more"} files. Raise that (ulimit -n, LimitNOFILE in systemd, --ulimit nofile in Docker), or set MAX_SOCKETS below it`
            )
      )
      yield* Effect.suspend(() => {
        if (isLeft() === areLeft) return Effect.void
        areLeft = !areLeft
        return warned
      }).pipe(Effect.repeat(atTicks(TRIED_EVERY)), Effect.forkScoped)
      return Descriptors.of({ areLeft: () => areLeft })
    })
  )
}
