import { Schema } from "effect"
import { ClientFrame } from "../../../src/api/Protocol.ts"
import { HOSTILE, mutate, mutateText } from "./Mutations.ts"
import type { Random } from "./Random.ts"

export interface FuzzFrame {
  readonly data: Buffer
  readonly binary: boolean
}

/** Frames made from the protocol's schema: right, almost right, and anything at all. */
export const makeFrames = (random: Random, userIds: ReadonlyArray<number>): (() => FuzzFrame) => {
  const frames = random.valuesOf(ClientFrame)
  const junk = random.valuesOf(Schema.Json)

  const valid = () => {
    const frame = frames() as Record<string, unknown>
    return "receiver_id" in frame && random.chance(0.9)
      ? { ...frame, receiver_id: random.pick(userIds) }
      : frame
  }

  const text = (): string | Buffer => {
    switch (random.below(5)) {
      case 0:
      case 1:
        return JSON.stringify(valid())
      case 2:
        return JSON.stringify(mutate(random, valid(), junk)) ?? ""
      case 3: {
        const mutated = mutateText(random, JSON.stringify(valid()))
        // What is not UTF-8 ends the socket, and what follows on it is not looked at.
        return random.chance(0.05) ? mutated : mutated.toString()
      }
      default:
        return JSON.stringify(random.chance(0.5) ? junk() : random.pick(HOSTILE)) ?? ""
    }
  }

  return () => ({ data: Buffer.from(text()), binary: random.chance(0.02) })
}
