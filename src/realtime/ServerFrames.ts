import type { ServerFrame } from "../api/Protocol.ts"

/**
 * The text of a frame. For speed no schema encodes it: the compiler checks that every field has its encoded type already.
 * The frames of inbox events are built in `inbox/EventKinds.ts`, once for all sockets.
 */
export const serverFrame = (frame: ServerFrame): string => {
  const encoded: typeof ServerFrame.Encoded = frame
  return JSON.stringify(encoded)
}
