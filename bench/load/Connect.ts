import { connect as connectSocket, type Socket } from "node:net"
import { address } from "./Address.ts"

const READ_BYTES = 65_536

// What a socket reads is handled before the next one reads, so that all can share one buffer: much cheaper than
// a stream of fresh ones. Copy bytes that you keep longer.
const buffer = Buffer.alloc(READ_BYTES)

/** Connects to the server; what `onData` is given holds only until it returns. */
export const connect = (onData: (chunk: Buffer) => void, localAddress?: string): Socket =>
  connectSocket({
    ...address,
    noDelay: true,
    ...(localAddress !== undefined && { localAddress }),
    onread: {
      buffer,
      callback: (size) => {
        onData(buffer.subarray(0, size))
        return true
      }
    }
  })
