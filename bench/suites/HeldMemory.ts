import type { Measurement } from "../Measurement.ts"
import type { Scale, Session } from "../Session.ts"

const SETTLE_SECONDS = 5
const QUICK_SETTLE_SECONDS = 0.5

/** How long a server is left alone before its memory is read. */
export const settleSeconds = ({ quick }: Scale): number => (quick ? QUICK_SETTLE_SECONDS : SETTLE_SECONDS)

/** How much heap each of so many things takes that `hold` makes the server keep, after a collection. No line without a heap to read. */
export const heldHeap = async (
  { server }: Session,
  thing: string,
  count: number,
  hold: () => Promise<void>
): Promise<ReadonlyArray<Omit<Measurement, "case">>> => {
  const before = await server.heapBytes()
  await hold()
  const after = await server.heapBytes()
  if (before === undefined || after === undefined) return []
  return [{ metric: `heap a ${thing}`, unit: "KiB", better: "lower", value: (after - before) / count / 1024 }]
}
