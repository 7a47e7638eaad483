import { useEffect, useState } from "preact/hooks"

/**
 * Whether what is added to a history is new, so that a screen reader says it. The first page is drawn in two frames: the second
 * one has the messages whose place was measured in the first.
 */
export const useIsLive = (isShown: boolean): boolean => {
  const [isLive, setIsLive] = useState(false)
  useEffect(() => {
    if (!isShown) return setIsLive(false)
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => setIsLive(true))
    })
    return () => cancelAnimationFrame(frame)
  }, [isShown])
  return isShown && isLive
}
