import { Schema } from "effect"
import { rootCause } from "./StatementErrors.ts"

/** The server cannot start with this database. The message is for the person who started the server. */
export class DatabaseStartError extends Schema.TaggedError<DatabaseStartError>()("DatabaseStartError", {
  message: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {}

/** What could not be done, and what the database or the network said. */
export const startError = (what: string, error: unknown) =>
  new DatabaseStartError({ message: `${what}: ${rootCause(error)}`, cause: error })
