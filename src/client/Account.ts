import type { Effect } from "effect"
import type { UserId } from "../domain/User.ts"
import { Calls } from "./Endpoints.ts"
import type { Download, Rest, RestError } from "./Rest.ts"

/** What a user may do with everything that is stored of it. */
export const make = (user_id: UserId, rest: Rest, download: Download) => ({
  /** Everything that the server stores of the user, as NDJSON. */
  exportData: (): Effect.Effect<Blob, RestError> => download(Calls.exportUser, { params: { user_id } }),
  /** Erases the user. Safe to repeat. What is stored on this device stays until it is forgotten. */
  deleteAccount: (): Effect.Effect<void, RestError> =>
    rest(Calls.eraseUser, { params: { user_id } }) as Effect.Effect<void, RestError>
})
