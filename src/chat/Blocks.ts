import { Context, Effect, flow, Layer } from "effect"
import type { Block } from "../domain/Moderation.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { BlockRepo } from "../repo/BlockRepo.ts"
import { committed, valueOf } from "./Committed.ts"

/** Who has blocked whom. Commits each change with its event for the user's own devices, then publishes it. Each call is safe to repeat. */
export class Blocks extends Context.Service<
  Blocks,
  {
    /** Blocks another user: see `BlockRepo`. */
    block(by: UserId, other: UserId): Effect.Effect<Block, UserNotFound | Unavailable>
    /** Takes a block back. */
    unblock(by: UserId, other: UserId): Effect.Effect<void, Unavailable>
    /** Which of these users a user has blocked: their presence is hidden from it. */
    hidden(from: UserId, users: ReadonlyArray<UserId>): Effect.Effect<ReadonlySet<UserId>, Unavailable>
  }
>()("minichat/chat/Blocks") {
  static readonly layer = Layer.effect(
    Blocks,
    Effect.gen(function* () {
      const repo = yield* BlockRepo
      const commit = yield* committed
      return Blocks.of({
        block: flow(repo.block, commit, valueOf),
        unblock: flow(repo.unblock, commit, valueOf),
        hidden: repo.among
      })
    })
  )
}
