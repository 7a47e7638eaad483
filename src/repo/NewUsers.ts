import type { PgClient } from "@effect/sql-pg"
import { textArray } from "../database/SqlParameters.ts"
import type { Metadata } from "../domain/Metadata.ts"
import { foldedNames } from "./FoldedNames.ts"
import { lookOf } from "./Looks.ts"
import type { UserRow } from "./Rows.ts"

/** A user to make. */
export interface NewProfile {
  readonly username: string
  readonly displayName: string
  readonly externalId?: string | undefined
  readonly avatarUrl?: string | undefined
  readonly metadata?: Metadata | undefined
}

/** The statement that makes a user. What it fails with stands in `create_named_user`. */
export const makeUser = (sql: PgClient.PgClient, made: NewProfile) => {
  const { username, displayName, externalId, avatarUrl, metadata } = made
  const { skeleton, scripts } = lookOf(username)
  return sql<UserRow>`SELECT * FROM create_named_user(
      ${username}, ${displayName}, ${skeleton}, ${textArray(scripts)}, ${textArray(foldedNames(username, displayName))},
      ${externalId ?? null}, ${avatarUrl ?? null}, ${metadata === undefined ? null : JSON.stringify(metadata)}::text::jsonb
    )`
}
