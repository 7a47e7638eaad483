import { int4 } from "../database/SqlParameters.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"

/** A user's id within the range of its column: 0, which no user has, for a larger one. */
export const columnId = (userId: UserId): UserId => (userId > MAX_USER_ID ? (0 as UserId) : userId)

/** `columnId` as a parameter of a statement. */
export const userParameter = (userId: UserId) => int4(columnId(userId))
