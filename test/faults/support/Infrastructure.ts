import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Layer, Option } from "effect"
import { Rest } from "../../../verify/Rest.ts"
import { PostgresServer } from "./PostgresServer.ts"
import { RedisServer } from "./RedisServer.ts"

/** What the tests of a file share: servers that they stop and start, and a client for REST. */
export const layer = Layer.mergeAll(
  PostgresServer.layer,
  RedisServer.layer,
  Rest.layer(Option.none()).pipe(Layer.provide(NodeHttpClient.layerUndici))
)
