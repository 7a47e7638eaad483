import { useState } from "preact/hooks"

/** The picture of a user, or the first letter of the name on a colour of its own; with a dot for somebody who is online. A group has corners. */
export const Avatar = ({
  id,
  name,
  url,
  isOnline,
  isGroup
}: {
  id: number
  name: string
  url?: string | undefined
  isOnline?: boolean | undefined
  isGroup?: boolean
}) => {
  /** The picture that was loaded last, and the one that failed. */
  const [loaded, setLoaded] = useState<string>()
  const [failed, setFailed] = useState<string>()
  const source = shownSource(url)
  return (
    <span class="avatar" data-kind={isGroup ? "group" : undefined} data-hue={id % 6} aria-hidden="true">
      {(source === undefined || source !== loaded) && ([...name][0]?.toLocaleUpperCase() ?? "")}
      {source !== undefined && source !== failed && (
        // The host of a picture is not told which page shows it.
        <img
          key={source}
          src={source}
          alt=""
          referrerpolicy="no-referrer"
          loading="lazy"
          decoding="async"
          onLoad={() => setLoaded(source)}
          onError={() => setFailed(source)}
        />
      )}
      {isOnline && <i class="dot" />}
    </span>
  )
}

/** The address of a picture that this page may load: with https, or of its own server. */
const shownSource = (url: string | undefined): string | undefined => {
  if (url === undefined || !URL.canParse(url)) return undefined
  const { protocol, origin, href } = new URL(url)
  return protocol === "https:" || origin === location.origin ? href : undefined
}
