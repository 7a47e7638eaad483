import { type Duration, Effect, Schedule } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import type { Change } from "./EventKey.ts"
import { type Send, type Tally, tally } from "./Ledger.ts"
import { Progress } from "./Progress.ts"

/**
 * Waits until the clients have all that was acknowledged, messages and changes, or until `within` has passed, and then answers what is the case. A repeat or a
 * wrong order never heals, so those end the wait too.
 */
export const settle = (
  sends: ReadonlyArray<Send>,
  clients: ReadonlyArray<ChatClient>,
  within: Duration.Input,
  changes: ReadonlyArray<Change> = []
): Effect.Effect<Tally> =>
  Effect.flatMap(Progress, ({ show }) => {
    const look = Effect.sync(() => {
      const seen = tally(
        sends,
        clients.map((client) => client.inbox()),
        changes
      )
      const acknowledged = seen.acknowledged + seen.changes
      show("Waiting for deliveries", Math.max(0, acknowledged - seen.lost), acknowledged)
      return seen
    })
    return look.pipe(
      Effect.repeat({
        schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo({ duration: within })),
        until: ({ lost }) => lost === 0
      }),
      Effect.andThen(look)
    )
  })
