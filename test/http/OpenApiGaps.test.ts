import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { document } from "../../src/api/openapi/Document.ts"
import type { Examples } from "../../src/api/openapi/ExampleTypes.ts"
import { NotFound } from "../../src/api/Problems.ts"
import { User } from "../../src/domain/User.ts"

class Things extends HttpApiGroup.make("things").add(
  HttpApiEndpoint.post("make", "/things", { payload: Schema.Struct({ name: Schema.String }), success: User }),
  HttpApiEndpoint.get("count", "/things", { success: Schema.Finite })
) {}

const whatLacks = <Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<string, Groups>) => {
  try {
    OpenApi.fromApi(api.annotate(OpenApi.Transform, document))
    return ""
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

describe("what the documentation of an endpoint lacks is said by name", () => {
  it("an example", () => {
    const message = whatLacks(HttpApi.make("test").add(Things))
    assert.include(message, "an example of the request things.make")
    assert.include(message, "an example of the answer 200 of things.make")
    assert.include(message, "an example of the answer 200 of things.count")
  })

  it("an example of a problem", () => {
    const group = HttpApiGroup.make("things").add(HttpApiEndpoint.get("get", "/", { error: NotFound }))
    assert.include(whatLacks(HttpApi.make("test").add(group)), "an example of NotFound")
  })

  it("the description and the bounds of a parameter", () => {
    const group = HttpApiGroup.make("things").add(
      HttpApiEndpoint.get("find", "/:name", {
        params: { name: Schema.String.check(Schema.isMaxLength(10)) },
        query: { text: Schema.String.annotate({ description: "What to look for" }) }
      })
    )
    const message = whatLacks(HttpApi.make("test").add(group))
    assert.include(message, "a description of the parameter name of things.find")
    assert.notInclude(message, "bounds of the parameter name")
    assert.include(message, "bounds of the parameter text of things.find")
    assert.notInclude(message, "a description of the parameter text")
  })

  it("the bounds of an integer: a minimum, and a maximum or a format", () => {
    const integer = (bounds: object) =>
      Schema.String.check(
        Schema.isPattern(/^[0-9]+$/, { toJsonSchema: () => ({ type: "integer", ...bounds }) })
      )
    const group = HttpApiGroup.make("things").add(
      HttpApiEndpoint.get("find", "/", {
        query: {
          above: integer({ minimum: 1 }),
          below: integer({ maximum: 9 }),
          between: integer({ minimum: 1, maximum: 9 }),
          id: integer({ minimum: 1, format: "int32" })
        }
      })
    )
    const message = whatLacks(HttpApi.make("test").add(group))
    assert.deepEqual(
      ["above", "below", "between", "id"].filter((name) =>
        message.includes(`bounds of the parameter ${name} of`)
      ),
      ["above", "below"]
    )
  })
})

it("an endpoint without an example fails to compile", () => {
  const name = { path: ["payload", "name"], message: "must be a text" }
  const alice = { id: 1, username: "alice", display_name: "Alice", created_at: "2026-01-31T12:00:00.000Z" }
  const make = { request: { name: "a" }, answers: { 200: alice }, invalidField: name }
  const complete: Examples<typeof Things> = {
    "things.make": make,
    "things.count": { answers: { 200: 1 } }
  }
  // @ts-expect-error: there is no example of `things.count`
  const withoutCount: Examples<typeof Things> = { "things.make": make }
  const { request, ...unasked } = make
  // @ts-expect-error: the request of `things.make` has no example
  const withoutRequest: Examples<typeof Things> = { ...complete, "things.make": unasked }
  const { invalidField, ...unrefused } = make
  // @ts-expect-error: the bad field of `things.make` has no example
  const withoutField: Examples<typeof Things> = { ...complete, "things.make": unrefused }
  // @ts-expect-error: the answer of `things.count` is a number
  const otherAnswer: Examples<typeof Things> = { ...complete, "things.count": { answers: { 200: "one" } } }
  assert.isTrue([complete, withoutCount, withoutRequest, withoutField, otherAnswer].every(Boolean))
  assert.deepEqual([request, invalidField], [{ name: "a" }, name])
})
