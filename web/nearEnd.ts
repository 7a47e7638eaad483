/** How near to the end of a list the next page is loaded, in heights of the list. */
const AHEAD = 2

/** Whether the end of a scrolled list is in sight, or soon is. */
export const isNearEnd = ({ scrollTop, clientHeight, scrollHeight }: HTMLElement): boolean =>
  scrollHeight - scrollTop - clientHeight < AHEAD * clientHeight
