/** The first letter of a name on a colour of its own, with a dot for somebody who is online. */
export const Avatar = ({
  id,
  name,
  isOnline
}: {
  id: number
  name: string
  isOnline?: boolean | undefined
}) => (
  <span class="avatar" data-hue={id % 6} aria-hidden="true">
    {[...name][0]?.toLocaleUpperCase() ?? "?"}
    {isOnline && <i class="dot" />}
  </span>
)
