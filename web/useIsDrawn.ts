import { useEffect, useState } from "preact/hooks"

/** Whether what is shown has been drawn: two frames later, as what a virtualizer measures in the first one is placed in the second. */
export const useIsDrawn = (isShown: boolean): boolean => {
  const [isDrawn, setIsDrawn] = useState(false)
  useEffect(() => {
    if (!isShown) return setIsDrawn(false)
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => setIsDrawn(true))
    })
    return () => cancelAnimationFrame(frame)
  }, [isShown])
  return isShown && isDrawn
}
