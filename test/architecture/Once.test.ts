import { assert, it } from "@effect/vitest"
import { Paths } from "../../src/api/Paths.ts"
import { sourceFiles } from "./Imports.ts"

const source = sourceFiles("src")

const filesWith = (pattern: RegExp) => source.filter(({ text }) => pattern.test(text)).map(({ path }) => path)

it("the pattern of a path stands in one file", () => {
  for (const path of Object.values(Paths).filter((path) => path !== "/")) {
    const literal = new RegExp(`["']${path.replaceAll(/[/.]/g, "\\$&")}/?["'?]`)
    assert.deepEqual(filesWith(literal), ["src/api/Paths.ts"], path)
  }
})

it("bodies that nothing encodes are made in the one file that checks their types", () => {
  const answered = filesWith(/\bjsonUnsafe\b|HttpServerResponse\.json\b|contentType: "application\/json"/)
  assert.sameMembers(answered, ["src/http/Json.ts", "src/http/Docs.ts"])
})
