import { Effect } from "effect"
import { Database } from "../database/Database.ts"
import { int4, textArray } from "../database/SqlParameters.ts"
import type { Change } from "../domain/Event.ts"
import { Unavailable } from "../domain/Unavailable.ts"
import {
  type ExternalId,
  type ExternalUser,
  MAX_USER_ID,
  type User,
  type UserChange,
  UserNotFound
} from "../domain/User.ts"
import { appendedBy, type ChangeRow, changing } from "./ChangeRows.ts"
import { foldedNames } from "./FoldedNames.ts"
import { MAX_FELLOWS, type ProfileCalls } from "./ProfileCalls.ts"
import { makeProvision, makePut } from "./PutExternal.ts"
import { usersInSql } from "./UsersInSql.ts"

type Row = ChangeRow<"changed" | "unchanged" | "user_not_found" | "changing">

/** How often a change is tried again when the user got a new conversation during it. */
const TRIES = 5

/** Profiles through the functions of `migrations/functions`. */
export const make = Effect.gen(function* () {
  const database = yield* Database
  const change = changing(database)

  const { find, findExternal, make } = usersInSql(database)

  const apply = (user: User, { display_name, avatar_url, metadata }: UserChange) => {
    const displayName = display_name === undefined ? null : (display_name ?? user.username)
    return change<Row>(
      (sql) => sql`SELECT * FROM update_user(
        ${int4(user.id)}, ${displayName}, ${textArray(foldedNames(user.username, displayName ?? user.username))},
        ${avatar_url !== undefined}, ${avatar_url ?? null},
        ${metadata !== undefined}, ${metadata == null ? null : JSON.stringify(metadata)}::text::jsonb, ${int4(MAX_FELLOWS)}
      )`
    )
  }

  const updateKnown = Effect.fnUntraced(function* (
    user: User,
    wanted: UserChange
  ): Effect.fn.Return<Change<User, UserNotFound>, UserNotFound | Unavailable> {
    const erased = new UserNotFound({ userId: user.id })
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const rows = yield* apply(user, wanted)
      const { status } = rows[0]!
      // It was erased after it was found.
      if (status === "user_not_found") return yield* erased
      if (status === "changing") continue
      const value = Effect.flatMap(find(user.id), (found) =>
        found === undefined ? Effect.fail(erased) : Effect.succeed(found)
      )
      return { value, appended: appendedBy(rows) }
    }
    return yield* new Unavailable({
      dependency: "database",
      cause: "The user gets new conversations too fast"
    })
  })

  const update: ProfileCalls["update"] = Effect.fn("ProfileRepo.update")(function* (userId, wanted) {
    const user = userId > MAX_USER_ID ? undefined : yield* find(userId)
    return yield* user === undefined ? new UserNotFound({ userId }) : updateKnown(user, wanted)
  })

  const put: ProfileCalls["put"] = Effect.fn("ProfileRepo.put")(
    (externalId: ExternalId, wanted: ExternalUser) =>
      makePut({ findExternal, make, update: updateKnown })(externalId, wanted)
  )

  const provision: ProfileCalls["provision"] = Effect.fn("ProfileRepo.provision")(
    (externalId: ExternalId, wanted: ExternalUser) =>
      makeProvision({ findExternal, make })(externalId, wanted)
  )

  return { update, put, provision } satisfies ProfileCalls
})
