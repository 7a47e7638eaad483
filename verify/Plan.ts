import { Effect, Random } from "effect"

/** Everything that a run leaves to chance, drawn beforehand from its seed, so that a run can be repeated. Users and nodes are indexes. */
export interface Plan {
  readonly sends: ReadonlyArray<PlannedSend>
}

export interface PlannedSend {
  readonly sender: number
  readonly receiver: number
  readonly via: "rest" | "socket"
  readonly node: number
  readonly text: string
  /** Other nodes to send the same message to at the same time, under the same client id. */
  readonly copies: ReadonlyArray<number>
  /** Send other content under the same client id afterwards. */
  readonly conflict: boolean
  /** A user whose connection is cut, without a close frame, as this message goes out. */
  readonly drop: number | undefined
}

const COPIED = 0.05
const CONFLICTING = 0.02
const DROPS_A_USER = 2

const TEXTS = [
  "hello",
  'she said "no" \\ left',
  "two\nlines",
  "Žluťoučký kůň",
  "晩ご飯は何ですか",
  "👩‍👩‍👧 👍🏽",
  "x".repeat(700)
]

export interface Size {
  readonly users: number
  readonly nodes: number
  readonly messages: number
}

export const make = (size: Size, seed: number): Effect.Effect<Plan> => {
  const below = (limit: number) => Random.nextIntBetween(0, limit, { halfOpen: true })
  const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)
  const dropShare = Math.min(0.5, (size.users * DROPS_A_USER) / size.messages)

  const send = Effect.gen(function* () {
    const sender = yield* below(size.users)
    const other = yield* below(size.users - 1)
    const planned: PlannedSend = {
      sender,
      receiver: other < sender ? other : other + 1,
      via: (yield* Random.nextBoolean) ? "rest" : "socket",
      node: yield* below(size.nodes),
      text: TEXTS[yield* below(TEXTS.length)]!,
      copies: (yield* chance(COPIED)) ? [yield* below(size.nodes), yield* below(size.nodes)] : [],
      conflict: yield* chance(CONFLICTING),
      drop: (yield* chance(dropShare)) ? yield* below(size.users) : undefined
    }
    return planned
  })
  return Effect.replicateEffect(send, size.messages).pipe(
    Effect.map((sends) => ({ sends })),
    Random.withSeed(seed)
  )
}
