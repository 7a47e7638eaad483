import { linksIn } from "./links.ts"

/** A text whose web addresses are links. It is never markup. */
export const LinkedText = ({ text }: { text: string }) => (
  <span class="text">
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
