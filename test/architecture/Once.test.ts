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

it("the sentence of a problem stands in one file", () => {
  const problems = "src/api/Problems.ts"
  const sentences = source
    .filter(({ path }) => path === problems)
    .flatMap(({ text }) => [...text.matchAll(/detail\(\s*"([^"]+)"/g)].map(([, sentence]) => sentence!))
  assert.isAbove(sentences.length, 15)
  for (const sentence of sentences) {
    const files = source.filter(({ text }) => text.includes(sentence)).map(({ path }) => path)
    assert.deepEqual(files, [problems], sentence)
  }
})

it("bodies that nothing encodes are made in the one file that checks their types", () => {
  const answered = filesWith(/\bjsonUnsafe\b|HttpServerResponse\.json\b|contentType: "application\/json"/)
  assert.sameMembers(answered, ["src/http/Json.ts", "src/http/Docs.ts"])
})
