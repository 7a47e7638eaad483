import type { ExportRecord } from "../domain/Export.ts"

/**
 * From how many bytes on a piece is full. A line has a few KiB, so a piece has little more. Small enough that a client which reads slowly
 * is seen to read.
 */
export const PIECE_BYTES = 64 * 1024

/** One at least. */
type Pieces = readonly [Uint8Array, ...ReadonlyArray<Uint8Array>]

/** The lines of some records, NDJSON, in as few pieces as hold them. */
export const piecesOf = (records: readonly [ExportRecord, ...ReadonlyArray<ExportRecord>]): Pieces => {
  const pieces: Array<Uint8Array> = []
  let lines: Array<Uint8Array> = []
  let bytes = 0
  const end = () => {
    pieces.push(Buffer.concat(lines, bytes))
    lines = []
    bytes = 0
  }
  for (const record of records) {
    const line = Buffer.from(`${JSON.stringify(record)}\n`)
    lines.push(line)
    bytes += line.length
    if (bytes >= PIECE_BYTES) end()
  }
  if (lines.length > 0) end()
  return pieces as unknown as Pieces
}
