import { Effect, Random, Schema } from "effect"
import { Username } from "../domain/User.ts"

/** The most code points of a display name that a made username keeps. Random characters follow them. */
const KEPT = 30

/** How many usernames are tried for a user. */
export const USERNAME_TRIES = 6

const isUsername = Schema.is(Username)

const ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

const randomText = (count: number) =>
  Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, ALPHABET.length - 1), count), (places) =>
    places.map((place) => ALPHABET[place]).join("")
  )

/**
 * A username for a new user without one. Attempt 0 is the display name without the characters that no username has. Attempts 1 to 3
 * add random characters to it. Later attempts, and all for a display name that gives no username, are `user` and random characters.
 * The external id is not used: it may be an e-mail address, and others see usernames.
 */
export const madeUsername = Effect.fnUntraced(function* (displayName: string | undefined, attempt: number) {
  const letters = (displayName ?? "").normalize("NFKC").replaceAll(/[^\p{L}\p{N}\p{Mn}\p{Mc}]/gu, "")
  const stem = [...letters].slice(0, KEPT).join("")
  if (!isUsername(stem) || attempt > USERNAME_TRIES / 2) return `user${yield* randomText(10)}`
  return attempt === 0 ? stem : `${stem}${yield* randomText(2 + 2 * attempt)}`
})
