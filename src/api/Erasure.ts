import { HttpApiEndpoint, HttpApiSchema, OpenApi } from "effect/http-api"
import { Erasure } from "../domain/Erasure.ts"
import { ExportRecord } from "../domain/Export.ts"
import { UserIdParam } from "./Parameters.ts"
import { ServiceUnavailable, UserNotFound } from "./Problems.ts"

/** The calls that erase a user and export its data: a part of the group `users`. */
export const eraseUser = HttpApiEndpoint.delete("erase", "/:user_id", {
  params: { user_id: UserIdParam },
  success: [Erasure.pipe(HttpApiSchema.status(202)), HttpApiSchema.NoContent],
  error: [UserNotFound, ServiceUnavailable]
}).annotateMerge(
  OpenApi.annotations({
    summary: "Erase a user",
    description:
      "The user is deleted at once: its name is free, its sockets are closed with 4004, and it is not found any more. What it " +
      "wrote is erased in the background, and others get events of it. 202 while that is under way, 204 once all is " +
      "erased. Safe to repeat. For the user itself, and for tokens with `scope` `service`."
  })
)

export const exportUser = HttpApiEndpoint.get("export", "/:user_id/export", {
  params: { user_id: UserIdParam },
  success: HttpApiSchema.StreamNdjson({ schema: ExportRecord }),
  error: [UserNotFound, ServiceUnavailable]
}).annotateMerge(
  OpenApi.annotations({
    summary: "Export everything about a user",
    description:
      "JSON objects, one a line: the profile, the user's conversations, the messages that it sent, its reactions, blocks and reports. The last line has the " +
      "type `end`: an export without it is not whole. For the user itself, and for tokens with `scope` `service`. " +
      "A node makes one export of a user at a time, and answers 429 to a second one."
  })
)
