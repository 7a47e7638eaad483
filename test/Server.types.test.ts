import { assert, it } from "@effect/vitest"
import { Context, Layer } from "effect"
import type { HttpRouter } from "effect/http"
import type { AppConfig } from "../src/AppConfig.ts"
import { RateLimits } from "../src/access/RateLimits.ts"
import type { Sends } from "../src/chat/Sends.ts"
import { takenByRoutes } from "../src/RequestContext.ts"
import { router } from "../src/Server.ts"

type Needed = Exclude<Layer.Services<typeof router>, AppConfig>

/** Takes routes whose services are all there, settings aside. */
const complete = (routes: Layer.Layer<HttpRouter.HttpRouter, never, AppConfig>) => Layer.isLayer(routes)

/** Stands for services: what the compiler knows of them is what is tested. */
const services = <Services>(): Layer.Layer<Services> => Layer.succeedContext(Context.makeUnsafe(new Map()))

it("a server without one of its services fails to compile", () => {
  assert.isTrue(complete(Layer.provide(router, services<Needed>())))
  // @ts-expect-error: `Sends` is missing
  // @effect-diagnostics-next-line missingLayerContext:off
  assert.isTrue(complete(Layer.provide(router, services<Exclude<Needed, Sends>>())))
})

it("a service of the routes that requests would carry along fails to compile", () => {
  class Listed extends Context.Service<Listed, object>()("test/Listed") {}
  assert.isTrue(Layer.isLayer(takenByRoutes<Listed>()([Listed])))
  // @ts-expect-error: `RateLimits` is not among the tags
  assert.isTrue(Layer.isLayer(takenByRoutes<Listed | RateLimits>()([Listed])))
  assert.isTrue(Layer.isLayer(takenByRoutes<Listed | RateLimits>()([Listed, RateLimits])))
})
