import { assert, describe, it } from "@effect/vitest"
import { keeping } from "../../web/keeping.ts"

describe("keeping", () => {
  it("gives the value before where the next one says the same", () => {
    const keep = keeping<unknown>()
    const first = { id: 1, with: undefined }
    assert.strictEqual(keep(first), first)
    assert.strictEqual(keep({ id: 1, with: undefined }), first)
    const other = { id: 2, with: undefined }
    assert.strictEqual(keep(other), other)
    assert.strictEqual(keep(3), 3)
  })

  it("gives the array before while its elements say the same, and else keeps those that do", () => {
    const keep = keeping<ReadonlyArray<unknown>>()
    const first = [{ id: 1 }, { id: 2 }]
    assert.strictEqual(keep(first), first)
    assert.strictEqual(keep([{ id: 1 }, { id: 2 }]), first)
    const next = keep([{ id: 1 }, { id: 3 }])
    assert.notStrictEqual(next, first)
    assert.strictEqual(next[0], first[0])
    assert.deepEqual(next, [{ id: 1 }, { id: 3 }])
    assert.lengthOf(keep([]), 0)
  })

  it("takes another map as another value", () => {
    const keep = keeping<unknown>()
    keep(new Map())
    const next = new Map([[1, 1]])
    assert.strictEqual(keep(next), next)
  })
})
