import { Context, Effect, Layer, Random } from "effect"

/** The number of ids: among 1,000 nodes the chance that two have the same one is 1 in 5 million. */
const IDS = 36 ** 8

/**
 * The id of this node, drawn at random at each start: 8 digits and lower-case letters. Presence, request ids, the log,
 * metrics and spans name the node by it.
 */
export class NodeId extends Context.Service<NodeId, string>()("minichat/presence/NodeId") {
  static readonly layer = Layer.effect(
    NodeId,
    Effect.map(Random.nextIntBetween(0, IDS), (id) => id.toString(36).padStart(8, "0"))
  )
}
