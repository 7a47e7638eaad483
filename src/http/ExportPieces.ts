import type { ExportRecord } from "../domain/Export.ts"

/**
 * A piece ends with the line that brings it to this many bytes. A line has at most a few KiB, so a piece has little more. A slow
 * client must take a piece within `SLOW_READER_TIMEOUT`, or it is disconnected: larger pieces would ask for a faster client.
 */
export const MIN_PIECE_BYTES = 64 * 1024

/** At least one piece. */
type Pieces = readonly [Uint8Array, ...ReadonlyArray<Uint8Array>]

/** Returns the records as NDJSON lines, in pieces of at least `MIN_PIECE_BYTES`; the last piece may be smaller. */
export const piecesOf = (records: readonly [ExportRecord, ...ReadonlyArray<ExportRecord>]): Pieces => {
  const pieces: Array<Uint8Array> = []
  let lines: Array<Uint8Array> = []
  let bytes = 0
  const finishPiece = () => {
    pieces.push(Buffer.concat(lines, bytes))
    lines = []
    bytes = 0
  }
  for (const record of records) {
    const line = Buffer.from(`${JSON.stringify(record)}\n`)
    lines.push(line)
    bytes += line.length
    if (bytes >= MIN_PIECE_BYTES) finishPiece()
  }
  if (lines.length > 0) finishPiece()
  return pieces as unknown as Pieces
}
