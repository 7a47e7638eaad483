import { Schema } from "effect"

/** There was no answer: the network is down, or the server is. The call may have been carried out all the same. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  message: Schema.String
}) {}

/** What went wrong, in the words of what failed. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
