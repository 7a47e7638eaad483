import type { ServerFrame } from "../api/Protocol.ts"

/**
 * The text of a frame. Nothing is encoded, for speed: the compiler checks that every field of the protocol is sent as
 * it is held. Inbox events do not come through here: their frames are made once for all sockets, in `inbox/EventKinds.ts`.
 */
export const serverFrame = (frame: ServerFrame): string => {
  const encoded: typeof ServerFrame.Encoded = frame
  return JSON.stringify(encoded)
}
