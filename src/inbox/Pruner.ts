import { DateTime, Duration, Effect, Layer, Schedule } from "effect"
import { AppConfig } from "../AppConfig.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"

const EVERY = Duration.minutes(1)

/** How many events one transaction deletes: few enough to hold its locks for milliseconds. */
const BATCH = 500

/** How long it rests between two transactions, in which sends to the same inboxes commit. */
const REST = Duration.millis(50)

/** Deletes the inbox events that are older than `INBOX_RETENTION`. The messages themselves stay. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { inboxRetention } = yield* AppConfig
    const repo = yield* InboxRepo

    const prune = Effect.gen(function* () {
      const olderThan = DateTime.subtractDuration(yield* DateTime.now, inboxRetention)
      yield* repo
        .prune(olderThan, BATCH, inboxRetention)
        .pipe(Effect.tap(Effect.sleep(REST)), Effect.repeat({ while: (deleted) => deleted === BATCH }))
    })

    yield* prune.pipe(
      Effect.catchCause((cause) => Effect.logWarning("Old inbox events could not be deleted yet", cause)),
      Effect.repeat(Schedule.spaced(EVERY)),
      Effect.forkScoped
    )
  })
)
