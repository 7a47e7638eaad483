import { linksIn } from "./links.ts"

/** Up to three emoji and nothing else. With RGI_Emoji in place of its parts, a message took a frame longer to be drawn. */
const EMOJI_ALONE =
  /^(?:\p{RI}{2}|\p{ExtPict}(?:\p{EMod}|\ufe0f)?(?:\u200d\p{ExtPict}(?:\p{EMod}|\ufe0f)?)*){1,3}$/u

/** A text whose web addresses are links. It is never markup. */
export const LinkedText = ({ text }: { text: string }) => (
  <span class={EMOJI_ALONE.test(text) ? "text emoji" : "text"}>
    {linksIn(text).map((part, i) =>
      i % 2 === 1 ? (
        <a key={`${i} ${part}`} href={part} target="_blank" rel="noopener noreferrer nofollow">
          {part}
        </a>
      ) : (
        part
      )
    )}
  </span>
)
