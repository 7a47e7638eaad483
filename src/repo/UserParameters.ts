import { int4 } from "../database/SqlParameters.ts"
import { MAX_USER_ID, type UserId } from "../domain/User.ts"

/** A user's id as its column takes it. One above the column's range names nobody, and so does 0. */
export const columnId = (userId: UserId): UserId => (userId > MAX_USER_ID ? (0 as UserId) : userId)

/** `columnId` as a parameter of a statement. */
export const who = (userId: UserId) => int4(columnId(userId))
