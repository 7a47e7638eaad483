import { type Duration, Effect, Schedule } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import { type Send, type Tally, tally } from "./Ledger.ts"

/**
 * Waits until the clients have all that was acknowledged, or until `within` has passed, and then tells what is the case. A repeat or a
 * wrong order never heals, so those end the wait too.
 */
export const settle = (
  sends: ReadonlyArray<Send>,
  clients: ReadonlyArray<ChatClient>,
  within: Duration.Input
): Effect.Effect<Tally> =>
  Effect.sync(() =>
    tally(
      sends,
      clients.map((client) => client.inbox())
    )
  ).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo({ duration: within })),
      until: ({ lost }) => lost === 0
    }),
    Effect.andThen(
      Effect.sync(() =>
        tally(
          sends,
          clients.map((client) => client.inbox())
        )
      )
    )
  )
