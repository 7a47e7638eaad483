import type { Inbox } from "./Inbox.ts"
import type { Send } from "./Ledger.ts"

/** Milliseconds. */
export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export const summarize = (samples: Iterable<number>): Latency => {
  const sorted = Float64Array.from(samples).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const round = (value: number) => Math.round(value * 10) / 10
  return { count: sorted.length, p50: round(at(0.5)), p99: round(at(0.99)), max: round(at(1)) }
}

/** From the start of the attempt that succeeded to its acknowledgement. */
export const ofAcknowledgements = (sends: Iterable<Send>): Array<number> => {
  const samples: Array<number> = []
  for (const { acknowledged, attempts } of sends) {
    if (acknowledged !== undefined) samples.push(acknowledged.at - attempts.at(-1)!)
  }
  return samples
}

/** One delivery to a receiver: when its message was last attempted before it arrived, and how long it took from there. */
export interface Delivery {
  readonly sentAt: number
  readonly took: number
}

export const deliveries = (sends: Iterable<Send>, inboxes: ReadonlyArray<Inbox>): Array<Delivery> => {
  const arrivals = new Map<number, Array<number>>()
  for (const inbox of inboxes) {
    for (const { at, event } of inbox.received) {
      if (event.type !== "message" || event.id === undefined) continue
      const times = arrivals.get(event.id)
      if (times === undefined) arrivals.set(event.id, [at])
      else times.push(at)
    }
  }
  const all: Array<Delivery> = []
  for (const send of sends) {
    if (send.acknowledged === undefined) continue
    for (const at of arrivals.get(send.acknowledged.id) ?? []) {
      const sentAt = send.attempts.findLast((attempt) => attempt <= at)
      if (sentAt !== undefined) all.push({ sentAt, took: at - sentAt })
    }
  }
  return all
}
