import { Effect, Random } from "effect"

/** The most code points of a name that is made, before the digits that make it unlike others. */
const KEPT = 30

const SHORTEST = 3

/** How many usernames are tried for a user. */
export const USERNAME_TRIES = 6

const ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

const letters = (count: number) =>
  Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, ALPHABET.length - 1), count), (places) =>
    places.map((place) => ALPHABET[place]).join("")
  )

/**
 * A username for a user that comes without one. The first is the display name without what no username has; later ones have random
 * characters at their end, the last ones those alone. An external id is not in it: it may be an address, and others see usernames.
 */
export const madeUsername = Effect.fnUntraced(function* (displayName: string | undefined, attempt: number) {
  const stem = [...(displayName ?? "").normalize("NFKC").replaceAll(/[^\p{L}\p{N}]/gu, "")].slice(0, KEPT)
  if (stem.length < SHORTEST || attempt > USERNAME_TRIES / 2) return `user${yield* letters(10)}`
  return attempt === 0 ? stem.join("") : `${stem.join("")}${yield* letters(2 + 2 * attempt)}`
})
