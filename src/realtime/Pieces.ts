import { Writable } from "node:stream"

/** How many bytes are written to the parser at a time. */
const PIECE_BYTES = 1024

/** The parser of a WebSocket, as ws makes it. */
export interface FrameParser extends Writable {
  pieces?: Pieces
}

/**
 * Writes a chunk to the parser of a WebSocket in pieces, and can stop between two of them. A chunk of 64 KiB may hold thousands of
 * small frames: 100 sockets with such a chunk each blocked the process for more than 15 s, although the sockets were paused.
 */
export class Pieces {
  private readonly parser: FrameParser
  private readonly mayGoOn: () => boolean
  private rest: Buffer | undefined

  private constructor(parser: FrameParser, mayGoOn: () => boolean) {
    this.parser = parser
    this.mayGoOn = mayGoOn
  }

  /** Has the parser take its input in pieces from now on, while `mayGoOn` answers true. */
  static of(parser: FrameParser, mayGoOn: () => boolean): Pieces {
    const pieces = new Pieces(parser, mayGoOn)
    parser.pieces = pieces
    parser.write = writeInPieces
    return pieces
  }

  write(chunk: Buffer): boolean {
    this.rest = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    return this.goOn()
  }

  /** Writes the rest to the parser. Answers false when it had to stop: the connection must then stay paused. */
  goOn(): boolean {
    let hasRoom = true
    while (this.rest !== undefined) {
      if (!this.mayGoOn()) return false
      const piece = this.rest.subarray(0, PIECE_BYTES)
      this.rest = this.rest.length > PIECE_BYTES ? this.rest.subarray(PIECE_BYTES) : undefined
      hasRoom = Reflect.apply(Writable.prototype.write, this.parser, [piece])
    }
    return hasRoom
  }
}

// One function for all parsers.
function writeInPieces(this: FrameParser, chunk: Buffer): boolean {
  return this.pieces!.write(chunk)
}
