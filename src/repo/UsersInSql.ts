import { Effect, Result } from "effect"
import type { Database } from "../database/Database.ts"
import { int4, textArray } from "../database/SqlParameters.ts"
import type { Metadata } from "../domain/Metadata.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { ExternalId, User, UserId } from "../domain/User.ts"
import { foldedNames } from "./FoldedNames.ts"
import { lookOf } from "./Looks.ts"
import { toUser, type UserRow } from "./Rows.ts"

/** A user to make, with the fields that an application or a token gave. */
export interface NewProfile {
  readonly username: string
  readonly displayName: string
  readonly externalId?: string | undefined
  readonly avatarUrl?: string | undefined
  readonly metadata?: Metadata | undefined
}

/** The rows of users, for the SQL layers of `UserRepo` and `ProfileRepo`. */
export const usersInSql = ({ pipeline: sql, writes, inPipeline, orUnavailable }: Database["Service"]) => ({
  /** A user that is not erased. */
  find: (id: UserId): Effect.Effect<User | undefined, Unavailable> =>
    sql<UserRow>`SELECT * FROM users WHERE id = ${int4(id)} AND deleted_at IS NULL`.pipe(
      Effect.map(([row]) => row && toUser(row)),
      inPipeline
    ),
  findExternal: (id: ExternalId): Effect.Effect<User | undefined, Unavailable> =>
    sql<UserRow>`SELECT * FROM users WHERE external_id = ${id}`.pipe(
      Effect.map(([row]) => row && toUser(row)),
      inPipeline
    ),
  /**
   * Makes a user with an empty inbox, unless its username is taken or imitates another one, or its external id is taken.
   */
  make: (
    made: NewProfile
  ): Effect.Effect<Result.Result<User, { readonly isAlike: boolean }>, Unavailable> => {
    const { username, displayName, externalId, avatarUrl, metadata } = made
    const { skeleton, scripts } = lookOf(username)
    return writes<UserRow>`SELECT * FROM create_named_user(
        ${username}, ${displayName}, ${skeleton}, ${textArray(scripts)}, ${textArray(foldedNames(username, displayName))},
        ${externalId ?? null}, ${avatarUrl ?? null}, ${metadata === undefined ? null : JSON.stringify(metadata)}::text::jsonb
      )`.pipe(
      Effect.map((rows) => Result.succeed(toUser(rows[0]!))),
      Effect.catchReason("SqlError", "UniqueViolation", ({ constraint }) =>
        Effect.succeed(Result.fail({ isAlike: constraint === "username_looks" }))
      ),
      orUnavailable
    )
  }
})
