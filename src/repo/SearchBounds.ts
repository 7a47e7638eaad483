import { Context } from "effect"

/** The bounds of one call of a search. A reference, so that tests can have others. */
export const SearchBounds = Context.Reference("minichat/repo/SearchBounds", {
  defaultValue: () => ({
    /** How many of a user's messages are scanned, from the newest on, before the index is searched. At least 1. */
    lookThrough: 1000,
    /** After this time no further part of the index is searched. In milliseconds. */
    patience: 200
  })
})
