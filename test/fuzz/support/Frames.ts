import { Schema } from "effect"
import { ClientFrame } from "../../../src/api/Protocol.ts"
import { HOSTILE, mutate, mutateText } from "./Mutations.ts"
import type { Random } from "./Random.ts"

export interface FuzzFrame {
  readonly data: Buffer
  readonly binary: boolean
}

const CONVERSATIONS = 20

const MESSAGES = 500

/** Frames made from the protocol's schema: right, almost right, and anything at all. */
export const makeFrames = (random: Random, userIds: ReadonlyArray<number>): (() => FuzzFrame) => {
  const frames = random.valuesOf(ClientFrame)
  const junk = random.valuesOf(Schema.Json)

  const valid = () => {
    const frame = frames() as Record<string, unknown>
    if (random.chance(0.1)) return frame
    // Few of a schema's values are sends, since a send names one addressee; and most of those quote what is not there.
    if (random.chance(0.2)) {
      return { type: "send", receiver_id: random.pick(userIds), content: `message ${random.below(MESSAGES)}` }
    }
    // The first conversations and messages are there soon: the flood makes them.
    return {
      ...frame,
      ...(frame.receiver_id == null ? {} : { receiver_id: random.pick(userIds) }),
      ...(frame.conversation_id == null ? {} : { conversation_id: 1 + random.below(CONVERSATIONS) }),
      ...("message_id" in frame ? { message_id: 1 + random.below(MESSAGES) } : {}),
      ...(frame.type === "watch" ? { user_ids: userIds.slice(random.below(userIds.length)) } : {})
    }
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
