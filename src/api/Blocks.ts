import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Block, BlockEntry } from "../domain/Moderation.ts"
import { Authorization } from "./Authorization.ts"
import { limit, UserIdParam, userIdParam } from "./Parameters.ts"
import { Paths } from "./Paths.ts"
import { ServiceUnavailable, TooManyRequests, UserNotFound } from "./Problems.ts"
import { RequestValidation } from "./RequestValidation.ts"

export const BlockPage = Schema.Struct({
  blocks: Schema.Array(BlockEntry),
  next: Schema.NullOr(Schema.Int).annotate({
    description: "The `after` of the next page; null when this was the last"
  })
}).annotate({ identifier: "BlockPage", description: "Whom a user has blocked, by ascending user id" })

/** A page has at most 100 blocks, unless `limit` says otherwise. */
export const BlockLimit = limit(100)

const blockPath = {
  user_id: UserIdParam,
  blocked_id: userIdParam({ description: "The id of the blocked user", example: 2 })
}

export class Blocks extends HttpApiGroup.make("blocks")
  .add(
    HttpApiEndpoint.get("list", "/:user_id/blocks", {
      params: { user_id: UserIdParam },
      query: {
        limit: BlockLimit.schema,
        after: Schema.optionalKey(
          userIdParam({ description: "Only blocks of users with an id above this one" })
        )
      },
      success: BlockPage,
      error: [UserNotFound, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "List whom a user has blocked",
        description: "For the user itself. Users do not learn who has blocked them."
      })
    ),
    HttpApiEndpoint.put("block", "/:user_id/blocks/:blocked_id", {
      params: blockPath,
      success: Block,
      error: [UserNotFound, TooManyRequests, ServiceUnavailable]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Block a user",
        description:
          "From then on the blocked user's direct sends to the user are refused with 403, and the user is not shown what the " +
          "blocked one types and reads, nor whether it is online. Groups are not touched. With `USER_DIRECTORY=shared` or " +
          "`none`, a user that shares no conversation with the caller is a 404. Safe to repeat."
      })
    ),
    HttpApiEndpoint.delete("unblock", "/:user_id/blocks/:blocked_id", {
      params: blockPath,
      error: [TooManyRequests, ServiceUnavailable]
    }).annotateMerge(OpenApi.annotations({ summary: "Take a block back", description: "Safe to repeat." }))
  )
  .middleware(RequestValidation)
  .middleware(Authorization)
  .prefix(Paths.users)
  .annotateMerge(OpenApi.annotations({ title: "Blocks", description: "Users who block one another" })) {}
