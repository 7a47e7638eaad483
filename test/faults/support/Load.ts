import { Effect, Fiber, FiberSet, Random, Schedule } from "effect"
import type { ChatClient } from "../../../verify/ChatClient.ts"
import * as Courier from "../../../verify/Courier.ts"
import type { Send } from "../../../verify/Ledger.ts"
import { scale } from "./Scale.ts"
import { until } from "./Until.ts"

export interface Target {
  readonly urls: ReadonlyArray<string>
  readonly clients: ReadonlyArray<ChatClient>
  readonly seed: number
}

export interface Load {
  /** Everything that was sent so far, and what became of it. */
  readonly sends: ReadonlyArray<Send>
  /** Waits until that many more sends are acknowledged. */
  readonly acknowledged: (more: number) => Effect.Effect<void>
  /** Sends no more, and waits for the answers to what was sent. */
  readonly stop: Effect.Effect<void>
}

const WARM = 50

/** Steady sends between random clients, half of them over sockets, half by REST to random nodes. Returns when the first were acknowledged. */
export const start = Effect.fn("Load.start")(function* (
  target: Target,
  perSecond: number = scale.sendsPerSecond
) {
  const { clients, urls } = target
  const deliver = yield* Courier.make({ urls, patience: "90 seconds" })
  const inFlight = yield* FiberSet.make()
  const run = yield* FiberSet.runtime(inFlight)()
  const sends: Array<Send> = []
  const pick = <A>(items: ReadonlyArray<A>) =>
    Effect.map(Random.nextIntBetween(0, items.length, { halfOpen: true }), (index) => items[index]!)

  const sendOne = Effect.gen(function* () {
    const sender = yield* pick(clients)
    const receiver = yield* pick(clients.filter((client) => client !== sender))
    const overSocket = yield* Random.nextBoolean
    const firstUrl = yield* Random.nextIntBetween(0, urls.length, { halfOpen: true })
    const clientId = `${target.seed}-${sends.length}`
    const send: Send = {
      clientId,
      senderId: sender.userId,
      receiverId: receiver.userId,
      content: `message ${clientId}`,
      attempts: []
    }
    sends.push(send)
    run(deliver(send, overSocket ? { via: "socket", client: sender } : { via: "rest", firstUrl }))
  })
  const ticker = yield* sendOne.pipe(
    Effect.repeat(Schedule.fixed(1_000 / perSecond)),
    Random.withSeed(target.seed),
    Effect.forkScoped
  )

  const count = () => sends.reduce((sum, send) => sum + (send.acknowledged === undefined ? 0 : 1), 0)
  const load: Load = {
    sends,
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
