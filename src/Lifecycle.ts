import { Context, Layer } from "effect"

/** Whether this node takes new work. It stops when the node begins to drain, and never takes any again. */
export class Lifecycle extends Context.Service<Lifecycle, { draining: boolean }>()("minichat/Lifecycle") {
  static readonly layer = Layer.sync(Lifecycle, () => Lifecycle.of({ draining: false }))
}
