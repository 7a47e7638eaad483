import { Effect } from "effect"
import { Disconnects } from "../access/Disconnects.ts"
import type { UserId } from "../domain/User.ts"
import { DisconnectRepo } from "../repo/DisconnectRepo.ts"

/**
 * Carries out an order to disconnect a user that this node has just committed. The other nodes read it within about a second.
 */
export const make = Effect.map(
  Effect.all([DisconnectRepo, Disconnects]),
  ([orders, disconnects]) =>
    (userId: UserId) =>
      Effect.map(orders.of(userId), (order) => disconnects.learn(order === undefined ? [] : [order]))
)
