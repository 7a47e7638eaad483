const OPCODE = 0x0f
const FINAL = 0x80
const LENGTH = 0x7f

const NOTHING = Buffer.alloc(0)

/**
 * Reads a server's WebSocket frames (RFC 6455): unmasked, unfragmented, without extensions. A general client
 * does more, at a cost that the server would bear: both run on the same cores.
 */
export class FrameReader {
  #partial: Buffer = NOTHING
  readonly #onFrame: (opcode: number, payload: Buffer) => void

  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.#onFrame = onFrame
  }

  read(chunk: Buffer): void {
    const received = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    let at = 0
    while (received.length - at >= 2) {
      const first = received[at]!
      if ((first & FINAL) === 0) throw new Error("The server sent a fragmented frame")
      let length = received[at + 1]! & LENGTH
      let start = at + 2
      if (length === 126) {
        if (received.length < at + 4) break
        length = received.readUInt16BE(at + 2)
        start = at + 4
      } else if (length === 127) {
        if (received.length < at + 10) break
        length = Number(received.readBigUInt64BE(at + 2))
        start = at + 10
      }
      if (received.length < start + length) break
      this.#onFrame(first & OPCODE, received.subarray(start, start + length))
      at = start + length
    }
    this.#partial = at === received.length ? NOTHING : Buffer.from(received.subarray(at))
  }
}

/** A client's frame: clients must mask, and a mask of zeros leaves the payload as it is. */
export const clientFrame = (opcode: number, payload: Buffer): Buffer => {
  const isShort = payload.length < 126
  const head = Buffer.alloc(isShort ? 6 : 8)
  head[0] = FINAL | opcode
  head[1] = 0x80 | (isShort ? payload.length : 126)
  if (!isShort) head.writeUInt16BE(payload.length, 2)
  return Buffer.concat([head, payload])
}
