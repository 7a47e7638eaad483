import { Effect, Random } from "effect"

/** Everything that a run leaves to chance, drawn beforehand from its seed, so that a run can be repeated. Users and nodes are indexes. */
export interface Plan {
  readonly sends: ReadonlyArray<PlannedSend>
  /** What happens to the group whose members change; none when the deployment has no groups. */
  readonly steps: ReadonlyArray<PlannedStep>
}

/** A step of the group whose members change. */
export interface PlannedStep {
  /** Adds the user when it is no member, and removes it when it is one; or writes to the group as that user, or as its maker. */
  readonly action: "toggle" | "write"
  readonly user: number
  /** Whether the user leaves by itself where it is removed. */
  readonly leaves: boolean
  readonly node: number
}

export interface PlannedSend {
  readonly sender: number
  /** A user, or all of the group. */
  readonly receiver: number | "group"
  readonly via: "rest" | "socket"
  readonly node: number
  readonly text: string
  /** Other nodes to send the same message to at the same time, under the same client id. */
  readonly copies: ReadonlyArray<number>
  /** Send other content under the same client id afterwards. */
  readonly conflict: boolean
  /** A user whose connection is cut, without a close frame, as this message goes out. */
  readonly drop: number | undefined
  /** What happens to the message once it is acknowledged. */
  readonly changes: PlannedChanges
}

/** Edits, reactions and the read mark come at the same time, the deletion after them. */
export interface PlannedChanges {
  /** The texts that its sender gives it, one after another. */
  readonly edits: ReadonlyArray<string>
  readonly reactions: ReadonlyArray<PlannedReaction>
  /** A user who has then read up to the message. */
  readonly read: { readonly reader: number; readonly via: "rest" | "socket" } | undefined
  readonly deleted: boolean
  /** The node that is asked first. */
  readonly node: number
}

export interface PlannedReaction {
  readonly user: number
  readonly emoji: string
  readonly takenBack: boolean
}

const COPIED = 0.05
const CONFLICTING = 0.02
const TO_GROUP = 0.2
const EDITED = 0.1
const EDITED_AGAIN = 0.3
const REACTED = 0.1
const TAKEN_BACK = 0.4
const READ = 0.2
const DELETED = 0.04
const DROPS_A_USER = 2
const STEPS_A_MESSAGE = 0.2
const MOST_STEPS = 200
const WRITES = 0.4

const TEXTS = [
  "hello",
  'she said "no" \\ left',
  "two\nlines",
  "Žluťoučký kůň",
  "晩ご飯は何ですか",
  "👩‍👩‍👧 👍🏽",
  "x".repeat(700)
]

const EMOJIS = ["👍", "❤️", "👩‍👩‍👧", "1️⃣"]

const NO_CHANGES: PlannedChanges = {
  edits: [],
  reactions: [],
  read: undefined,
  deleted: false,
  node: 0
}

export interface Size {
  readonly users: number
  /** How many of the users, the first ones, are in the group; 0 when the deployment has neither groups nor changes. */
  readonly members: number
  readonly nodes: number
  /** How many messages there will be; infinite when a load goes on until it is stopped. */
  readonly messages: number
}

/** What draws one message, and one step of the group whose members change. No connection is cut when the messages have no number. */
export const draws = (size: Size) => {
  const below = (limit: number) => Random.nextIntBetween(0, limit, { halfOpen: true })
  const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)
  const dropShare = Math.min(0.5, (size.users * DROPS_A_USER) / size.messages)

  const text = Effect.map(below(TEXTS.length), (index) => TEXTS[index]!)
  const otherOf = (sender: number, users: number) =>
    Effect.map(below(users - 1), (other) => (other < sender ? other : other + 1))

  const changes = Effect.fnUntraced(function* (sender: number, receiver: number | "group") {
    const reader = receiver === "group" ? yield* otherOf(sender, size.members) : receiver
    const reactors = (yield* chance(REACTED)) ? [sender, reader] : []
    const reactions = yield* Effect.forEach(reactors, (user) =>
      Effect.gen(function* () {
        const emoji = EMOJIS[yield* below(EMOJIS.length)]!
        return { user, emoji, takenBack: yield* chance(TAKEN_BACK) }
      })
    )
    const edits: Array<string> = []
    if (yield* chance(EDITED)) edits.push(yield* text)
    if (edits.length > 0 && (yield* chance(EDITED_AGAIN))) edits.push(yield* text)
    const via = (yield* Random.nextBoolean) ? "rest" : "socket"
    const planned: PlannedChanges = {
      edits,
      reactions,
      read: (yield* chance(READ)) ? { reader, via } : undefined,
      deleted: yield* chance(DELETED),
      node: yield* below(size.nodes)
    }
    return planned
  })

  const send = Effect.gen(function* () {
    const toGroup = size.members > 0 && (yield* chance(TO_GROUP))
    const sender = yield* below(toGroup ? size.members : size.users)
    const receiver = toGroup ? "group" : yield* otherOf(sender, size.users)
    const planned: PlannedSend = {
      sender,
      receiver,
      via: (yield* Random.nextBoolean) ? "rest" : "socket",
      node: yield* below(size.nodes),
      text: yield* text,
      copies: (yield* chance(COPIED)) ? [yield* below(size.nodes), yield* below(size.nodes)] : [],
      conflict: yield* chance(CONFLICTING),
      drop: (yield* chance(dropShare)) ? yield* below(size.users) : undefined,
      changes: size.members > 0 ? yield* changes(sender, receiver) : NO_CHANGES
    }
    return planned
  })

  const step = Effect.gen(function* () {
    const planned: PlannedStep = {
      action: (yield* chance(WRITES)) ? "write" : "toggle",
      user: 1 + (yield* below(size.members - 1)),
      leaves: yield* Random.nextBoolean,
      node: yield* below(size.nodes)
    }
    return planned
  })
  return { send, step }
}

export const make = (size: Size, seed: number): Effect.Effect<Plan> => {
  const { send, step } = draws(size)
  const steps = size.members < 2 ? 0 : Math.min(MOST_STEPS, Math.ceil(size.messages * STEPS_A_MESSAGE))

  return Effect.all({
    sends: Effect.replicateEffect(send, size.messages),
    steps: Effect.replicateEffect(step, steps)
  }).pipe(Random.withSeed(seed))
}
