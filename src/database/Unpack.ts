import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"

/** What an archive consists of: a header of one block, then the blocks of the file. */
const BLOCK = 512

const FOLDER = "5"

const field = (header: Buffer, from: number, to: number) =>
  header.toString("latin1", from, to).replace(/\0.*$/s, "").trim()

/** Hands out bytes of a stream as they are asked for. */
const readerOf = (stream: AsyncIterable<Uint8Array>) => {
  const chunks = stream[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  /** The next bytes, at least one and at most `most`; none at the end. */
  const next = async (most: number): Promise<Buffer> => {
    while (rest.length === 0) {
      const { done, value } = await chunks.next()
      if (done) return rest
      rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    const taken = rest.subarray(0, most)
    rest = rest.subarray(taken.length)
    return taken
  }
  /** Gives the next `length` bytes to `use`, piece by piece. */
  const each = async (length: number, use: (piece: Buffer) => void) => {
    for (let left = length; left > 0; ) {
      const piece = await next(left)
      if (piece.length === 0) throw new Error("The archive of the empty database ends too early")
      use(piece)
      left -= piece.length
    }
  }
  return { each }
}

/**
 * Unpacks a gzipped tar archive into a folder, a piece at a time: PGlite, which can do it too, holds the 40 MB of an empty database
 * several times in memory.
 */
export const unpack = async (archive: Blob, folder: string): Promise<void> => {
  const reader = readerOf(archive.stream().pipeThrough(new DecompressionStream("gzip")))
  while (true) {
    const parts: Array<Buffer> = []
    await reader.each(BLOCK, (piece) => parts.push(piece))
    const header = Buffer.concat(parts)
    // An empty block is the end.
    if (header[0] === 0) return
    const path = join(folder, field(header, 345, 500), field(header, 0, 100))
    const size = Number.parseInt(field(header, 124, 136), 8)
    if (field(header, 156, 157) === FOLDER) {
      mkdirSync(path, { recursive: true })
      continue
    }
    mkdirSync(dirname(path), { recursive: true })
    const file = openSync(path, "wx")
    try {
      await reader.each(size, (piece) => writeSync(file, piece))
    } finally {
      closeSync(file)
    }
    await reader.each((BLOCK - (size % BLOCK)) % BLOCK, () => {})
  }
}
