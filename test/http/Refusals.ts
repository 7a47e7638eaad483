import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Ask, ChatServer } from "./ChatServer.ts"

/** Asks for something that must be refused with a problem, and asserts that nothing was written. */
export const refused = Effect.fnUntraced(function* (
  status: number,
  type: string,
  method: string,
  path: string,
  options?: Ask
) {
  const { ask, stored } = yield* ChatServer
  const before = yield* stored
  const answer = yield* ask(method, path, options)
  assert.deepEqual(
    [answer.status, answer.json?.type],
    [status, `urn:minichat:problem:${type}`],
    `${method} ${path} ${answer.text}`
  )
  assert.strictEqual(yield* stored, before)
  return answer.json
})

/** A 422 that names one field. Answers what is wrong with it. */
export const invalid = Effect.fnUntraced(function* (
  field: ReadonlyArray<string>,
  method: string,
  path: string,
  options?: Ask
) {
  const { errors } = yield* refused(422, "validation-failed", method, path, options)
  for (const { path } of errors) {
    assert.deepEqual(path.slice(0, field.length), field)
  }
  return errors.map(({ message }: { readonly message: string }) => message)
})
