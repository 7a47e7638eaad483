import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"

const FOLDER = join(import.meta.dirname, "../../examples")

it("each example is under 60 lines", () => {
  const lines = readdirSync(FOLDER).map((name) => [
    name,
    readFileSync(join(FOLDER, name), "utf8").split("\n").length - 1
  ])
  assert.deepEqual(
    lines.filter(([, count]) => Number(count) >= 60),
    []
  )
})
