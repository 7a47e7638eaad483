import { Context, Effect, Layer } from "effect"
import type { PassingFrame } from "../api/Protocol.ts"
import type { UserId } from "../domain/User.ts"
import { RedisBus } from "../redis/RedisBus.ts"

/** The bytes of a frame that is told in passing. It is encoded once, however many sockets get it. */
export const encodePassing = (frame: PassingFrame): Uint8Array => {
  const encoded: typeof PassingFrame.Encoded = frame
  return Buffer.from(JSON.stringify(encoded))
}

/**
 * Tells sockets, on all nodes, what matters only now: who types, how far the members of a group have read.
 *
 * Guarantees nothing: such a frame has no number and is stored nowhere. It is dropped when Redis loses it or is unavailable, and at
 * a socket whose peer does not read. Sockets of the original protocol get none.
 */
export class Passing extends Context.Service<
  Passing,
  {
    /** Tells the sockets that these users have now. Takes no time: no reply is waited for. */
    tell(userIds: ReadonlyArray<UserId>, frame: PassingFrame): Effect.Effect<void>
  }
>()("minichat/inbox/Passing") {
  static readonly layer = Layer.effect(
    Passing,
    Effect.gen(function* () {
      const bus = yield* RedisBus
      return Passing.of({
        tell: (userIds, frame) =>
          userIds.length === 0 ? Effect.void : bus.pass(userIds, frame.type, encodePassing(frame))
      })
    })
  )
}
