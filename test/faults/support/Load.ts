import { Effect, Fiber, FiberSet, Random, Schedule, Semaphore } from "effect"
import type { ChatClient } from "../../../verify/ChatClient.ts"
import * as Conversations from "../../../verify/Conversations.ts"
import type { Change } from "../../../verify/EventKey.ts"
import type { Send } from "../../../verify/Ledger.ts"
import * as Memberships from "../../../verify/Memberships.ts"
import type { Group } from "../../../verify/Outgoing.ts"
import * as Plan from "../../../verify/Plan.ts"
import * as Traffic from "../../../verify/Traffic.ts"
import { scale } from "./Scale.ts"
import { until } from "./Until.ts"

export interface Target {
  readonly urls: ReadonlyArray<string>
  readonly clients: ReadonlyArray<ChatClient>
  readonly seed: number
}

/** What the load did beside sending. */
export interface Made {
  /** Edits, deletions, reactions, read marks and the group that is sent to. */
  readonly changes: ReadonlyArray<Change>
  /** The group whose members change. */
  readonly memberships: Memberships.Memberships
  /** The group that is sent to, and the one whose members change. */
  readonly groups: ReadonlyArray<Group>
  /** Repeated sends that were not answered as they should be, and read marks that no socket took, in words. */
  readonly findings: ReadonlyArray<string>
}

export interface Load {
  /** Everything that was sent so far, and what became of it; without what was written to the group whose members change. */
  readonly sends: ReadonlyArray<Send>
  readonly made: () => Made
  /** Waits until that many more sends are acknowledged. */
  readonly acknowledged: (more: number) => Effect.Effect<void>
  /** Sends no more, and waits for the answers to what was sent and changed. */
  readonly stop: Effect.Effect<void>
}

const WARM = 50

/** How many of the clients, the first ones, are in the group: each message to it is an event for each of them. */
const MEMBERS = 6

/** So many messages are sent for each step of the group whose members change. */
const MESSAGES_A_STEP = 10

/**
 * Steady sends between random clients and to a group of some of them, half of them over sockets, half by REST to random nodes, with the
 * edits, deletions, reactions and read marks that `verify/Plan.ts` draws; and a group whose members change. Returns when the first sends
 * were acknowledged.
 */
export const start = Effect.fn("Load.start")(function* (
  target: Target,
  perSecond: number = scale.sendsPerSecond
) {
  const { clients, seed, urls } = target
  const name = String(seed)
  const members = clients.slice(0, MEMBERS)
  const memberIds = members.map(({ userId }) => userId)
  const conversations = yield* Conversations.make(urls, memberIds, name)
  if (conversations.group === undefined) return yield* Effect.die(new Error(conversations.lacking))
  const { group, made: groupMade } = conversations
  const traffic = yield* Traffic.make({ urls, clients, group, name, patience: "90 seconds" })
  const memberships = yield* Memberships.make({ urls, clients: members, name: `${name}-joined` })
  const draws = Plan.draws({
    users: clients.length,
    members: members.length,
    nodes: urls.length,
    messages: Number.POSITIVE_INFINITY
  })

  const inFlight = yield* FiberSet.make()
  const run = yield* FiberSet.runtime(inFlight)()
  const steps = yield* Semaphore.make(1)
  let ticks = 0
  const tick = Effect.gen(function* () {
    const index = ticks++
    run(traffic.perform(yield* draws.send, index))
    if (index % MESSAGES_A_STEP === 0) run(steps.withPermits(1)(memberships.take(yield* draws.step, index)))
  })
  const ticker = yield* tick.pipe(
    Effect.repeat(Schedule.fixed(1_000 / perSecond)),
    Random.withSeed(seed),
    Effect.forkScoped
  )

  const { sends } = traffic.made()
  const count = () => sends.reduce((sum, send) => sum + (send.acknowledged === undefined ? 0 : 1), 0)
  const load: Load = {
    sends,
    made: () => {
      const { changes, findings } = traffic.made()
      const changing = memberships.made()
      return {
        changes: [groupMade, ...changes],
        memberships: changing,
        groups: [group, changing.group],
        findings
      }
    },
    acknowledged: (more) =>
      Effect.suspend(() => {
        const enough = count() + more
        return until(
          `${more} more sends are acknowledged`,
          Effect.sync(() => count() >= enough),
          "60 seconds"
        )
      }),
    stop: Effect.andThen(Fiber.interrupt(ticker), FiberSet.awaitEmpty(inFlight))
  }
  yield* load.acknowledged(WARM)
  return load
})
