import { Writable } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { type FrameParser, Pieces } from "../../src/realtime/Pieces.ts"

/** A parser that is done with each piece at once, and what it was given. */
const parserThat = (onPiece: (pieces: ReadonlyArray<Buffer>) => void = () => {}) => {
  const given: Array<Buffer> = []
  const parser: FrameParser = new Writable({
    write(chunk, _encoding, done) {
      given.push(Buffer.from(chunk))
      onPiece(given)
      done()
    }
  })
  return { parser, given }
}

const bytes = (length: number, first = 0) => Buffer.from(Array.from({ length }, (_, i) => (first + i) % 251))

describe("the pieces that a parser is given", () => {
  it("are of a kilobyte at most, and together all that was read, in its order", () => {
    const { parser, given } = parserThat()
    Pieces.of(parser, () => true)
    assert.isTrue(parser.write(bytes(5000)))
    assert.isTrue(parser.write(bytes(10, 7)))
    assert.deepEqual(
      given.map(({ length }) => length),
      [1024, 1024, 1024, 1024, 904, 10]
    )
    assert.deepEqual(Buffer.concat(given), Buffer.concat([bytes(5000), bytes(10, 7)]))
  })

  it("end where it may not go on, and go on from there, before what was read meanwhile", () => {
    let mayGoOn = true
    const { parser, given } = parserThat((pieces) => {
      if (pieces.length === 2) mayGoOn = false
    })
    const pieces = Pieces.of(parser, () => mayGoOn)
    assert.isFalse(parser.write(bytes(5000)))
    assert.lengthOf(given, 2)
    assert.isFalse(parser.write(bytes(10, 7)))
    assert.isFalse(pieces.goOn())
    assert.lengthOf(given, 2)

    mayGoOn = true
    assert.isTrue(pieces.goOn())
    assert.deepEqual(Buffer.concat(given), Buffer.concat([bytes(5000), bytes(10, 7)]))
    assert.isTrue(pieces.goOn())
    assert.deepEqual(Buffer.concat(given).length, 5010)
  })
})
