import { linksIn } from "./links.ts"

/** Up to three emoji and nothing else. */
const EMOJI_ALONE = /^\p{RGI_Emoji}{1,3}$/v

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
