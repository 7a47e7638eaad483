import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Directory } from "../access/Directory.ts"
import { Api } from "../api/Api.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import { BlockLimit, BlockPage } from "../api/Blocks.ts"
import { serviceUnavailable, userNotFound } from "../api/ProblemOf.ts"
import { Blocks } from "../chat/Blocks.ts"
import { Block } from "../domain/Moderation.ts"
import { withServices } from "../RequestContext.ts"
import { BlockRepo } from "../repo/BlockRepo.ts"
import { json } from "./Json.ts"
import * as Permit from "./Permit.ts"

const block = json(Block)
const page = json(BlockPage)

export const layer = HttpApiBuilder.group(
  Api,
  "blocks",
  Effect.fnUntraced(function* (handlers) {
    const blocks = yield* Blocks
    const directory = yield* Directory
    const repo = yield* BlockRepo
    const { permit, permitAct, permitRows, reserve } = yield* Permit.make

    return handlers.handleAll({
      list: Effect.fnUntraced(
        function* ({ params: { user_id }, query: { limit = BlockLimit.byDefault, after } }) {
          yield* permit({ _tag: "ReadBlocks", of: user_id })
          yield* permitRows(limit)
          yield* reserve(limit, BLOCK_BYTES)
          const { blocks, next = null } = yield* repo.list(user_id, after, limit)
          return page({ blocks, next })
        },
        Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
      ),

      block: Effect.fnUntraced(
        function* ({ params: { user_id, blocked_id } }) {
          yield* permitAct({ _tag: "ChangeBlocks", as: user_id })
          if (user_id === blocked_id) return yield* oneself
          yield* directory.permitNamed(yield* CurrentCaller, blocked_id)
          return block(yield* blocks.block(user_id, blocked_id))
        },
        Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
      ),

      unblock: ({ params: { user_id, blocked_id } }) =>
        permitAct({ _tag: "ChangeBlocks", as: user_id }).pipe(
          Effect.andThen(blocks.unblock(user_id, blocked_id)),
          Effect.catchTags({ Unavailable: serviceUnavailable })
        )
    })
  }, withServices)
)

const oneself = Effect.fail(Permit.invalidField(["params", "blocked_id"], "must not be the user itself"))

/** About the size of a block in an answer. In bytes. */
const BLOCK_BYTES = 500
