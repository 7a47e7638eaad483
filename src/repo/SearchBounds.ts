import { Context } from "effect"

/** How much one call of a search does. A reference, so that tests have other bounds. */
export const SearchBounds = Context.Reference("minichat/repo/SearchBounds", {
  defaultValue: () => ({
    /** How many of a user's messages are looked through, from the newest on, before the index is asked. At least 1. */
    lookThrough: 1000,
    /** After this time no further part of the index is searched. In milliseconds. */
    patience: 200
  })
})
