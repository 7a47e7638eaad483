import { assert, describe, it } from "@effect/vitest"
import { nameForEachMaster, slotOf } from "../../src/redis/ClusterSlots.ts"

describe("cluster slots", () => {
  it("are those of the cluster specification", () => {
    assert.strictEqual(slotOf("123456789"), 0x31c3)
    assert.strictEqual(slotOf("foo"), 12_182)
    assert.strictEqual(slotOf(""), 0)
  })

  it("every master has one name in its slots", () => {
    const slots = Array.from({ length: 16_384 }, (_, slot) => [`master${slot % 16}`, "replica"])

    const names = nameForEachMaster("probe:x")(slots)

    const masters = new Set(names.map((name) => slots[slotOf(name)]![0]))
    assert.strictEqual(names.length, 16)
    assert.strictEqual(masters.size, 16)
  })

  it("without slots there are no names", () => {
    assert.isEmpty(nameForEachMaster("probe:x")([]))
  })
})
