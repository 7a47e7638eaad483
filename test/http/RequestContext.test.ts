import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { groupWithoutServices, takenByRoutes, withServices } from "../../src/RequestContext.ts"

class Taken extends Context.Service<Taken, { readonly name: string }>()("minichat/test/Taken") {}

class Group extends Context.Service<Group, { readonly keys: ReadonlyArray<string>; readonly name: string }>()(
  "minichat/test/Group"
) {}

const group = Layer.effect(
  Group,
  Effect.gen(function* () {
    const keys = [...(yield* Effect.context<never>()).mapUnsafe.keys()]
    const { name } = yield* withServices(Taken)
    return { keys, name }
  })
)

it.effect("a group of handlers is built with services that the context of its requests does not have", () =>
  Effect.gen(function* () {
    const services = yield* Layer.build(
      groupWithoutServices(group).pipe(
        Layer.provide([Layer.succeed(Taken, { name: "a service" }), takenByRoutes<Taken>()([Taken])])
      )
    )
    const { keys, name } = Context.get(services, Group)
    assert.strictEqual(name, "a service")
    assert.notInclude(keys, Taken.key)
  })
)
