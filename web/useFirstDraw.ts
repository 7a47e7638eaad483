import type { CacheSnapshot } from "virtua"
import type { Session } from "./session.ts"
import { useIsDrawn } from "./useIsDrawn.ts"

/** The least height of a message, of each further line of it, and of what stands above and below the history, in pixels. */
const MESSAGE = 43
const LINE = 23
const AROUND = 130

/** How wide the history is at most, and a character in it, in pixels. */
const WIDTH = 736
const CHARACTER = 10

/** How far from those in sight messages are drawn once the first ones are, in pixels. */
const BUFFER = 200

/**
 * No measured rows, and a height of others that is too high for most, until virtua estimates it from those that it has measured. With
 * its own 40 pixels it would draw half as many rows again as are in sight. A snapshot is what it takes without holding on to that height.
 */
const ESTIMATE = [[], 72] as unknown as CacheSnapshot

/**
 * What a virtualizer is told of the rows of a history, by the length of their texts, so that it draws those in sight at once. It
 * knows the height of the history only in its first frame: it would draw the newest row first, and the others in that frame.
 */
export const useFirstDraw = (session: Session, lengths: ReadonlyArray<number>, focused: number) => {
  const isDrawn = useIsDrawn(lengths.length > 0)
  const keepMounted = focused < 0 ? [] : [focused]
  if (!isDrawn && session.target.value === undefined) {
    let room = innerHeight - AROUND
    for (let i = lengths.length - 1; i >= 0 && room > 0; i--) {
      keepMounted.push(i)
      room -= MESSAGE + LINE * Math.floor((lengths[i]! * CHARACTER) / Math.min(innerWidth, WIDTH))
    }
  }
  return { isDrawn, options: { cache: ESTIMATE, bufferSize: isDrawn ? BUFFER : 0, keepMounted } }
}
