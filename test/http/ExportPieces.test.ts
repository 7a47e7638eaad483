import { assert, it } from "@effect/vitest"
import type { ExportRecord } from "../../src/domain/Export.ts"
import { MIN_PIECE_BYTES, piecesOf } from "../../src/http/ExportPieces.ts"

const end = (records: number): ExportRecord => ({ type: "end", records })

it("the lines of a page are few pieces, of which none is much larger than a full one", () => {
  const [first, ...others] = Array.from({ length: 10_000 }, (_, i) => end(i))
  const pieces = piecesOf([first!, ...others])
  const text = Buffer.concat(pieces).toString()
  assert.strictEqual(text, [first, ...others].map((record) => `${JSON.stringify(record)}\n`).join(""))
  assert.isAtLeast(pieces.length, 2)
  for (const [i, piece] of pieces.entries()) {
    assert.isAtMost(piece.length, MIN_PIECE_BYTES + 100)
    if (i < pieces.length - 1) assert.isAtLeast(piece.length, MIN_PIECE_BYTES)
  }
  assert.lengthOf(piecesOf([end(0)]), 1)
})
