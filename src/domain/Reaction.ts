import { Schema, SchemaTransformation } from "effect"

/** The most kinds of emoji that one message has reactions of. */
export const MAX_REACTION_KINDS = 20

/** Unicode's list has this variation selector behind each part of an emoji that also has a plain form. */
const EMOJI_PRESENTATION = "\uFE0F"

/** Such a part without its selector. A skin tone stands in its place. */
const INCOMPLETE = /(?=\p{Emoji})\P{Emoji_Presentation}(?!\uFE0F|\p{Emoji_Modifier})/gu

const LISTED = /^\p{RGI_Emoji}$/v

/** Unicode lists skin tones by themselves too; alone they are no reaction. */
const LONE_MODIFIER = /^\p{Emoji_Modifier}$/u

/** The longest emoji that Unicode lists has 10 code points: two people with skin tones, joined. */
const MAX_CODE_POINTS = 16

const message = "must be one emoji, and nothing else"

const docs = { description: "One emoji, as Unicode lists it", examples: ["👍"] }

/** One emoji: one of those that Unicode recommends for interchange. A form without its variation selectors is completed. */
export const Emoji = Schema.String.check(Schema.isBetweenCodePoints(1, MAX_CODE_POINTS, { message }))
  .annotate(docs)
  .pipe(
    Schema.decodeTo(
      Schema.String.check(
        Schema.makeFilter((text: string) => (LISTED.test(text) && !LONE_MODIFIER.test(text)) || message)
      ),
      SchemaTransformation.transform({
        decode: (text: string) =>
          LISTED.test(text) ? text : text.replace(INCOMPLETE, `$&${EMOJI_PRESENTATION}`),
        encode: (text: string) => text
      })
    ),
    Schema.annotate(docs)
  )

/** How often a message has one emoji. */
export const ReactionCount = Schema.Struct({
  emoji: Schema.String.annotate({ examples: ["👍"] }),
  count: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  mine: Schema.Boolean.annotate({ description: "Whether the user who reads this reacted with it" })
}).annotate({ identifier: "ReactionCount", description: "How many users reacted with one emoji" })
export type ReactionCount = typeof ReactionCount.Type
