import { assert } from "@effect/vitest"
import { Console, Effect } from "effect"
import type { ChatClient } from "../../../verify/ChatClient.ts"
import { disagreements } from "../../../verify/Disagreements.ts"
import * as Latency from "../../../verify/Latency.ts"
import type { Send, Tally } from "../../../verify/Ledger.ts"
import * as Memberships from "../../../verify/Memberships.ts"
import { settle } from "../../../verify/Settle.ts"
import type { ChatNode } from "./ChatNode.ts"
import type { Load } from "./Load.ts"

export interface Options {
  readonly fault: string
  readonly seed: number
  readonly load: Load
  /** What was sent beside the load. */
  readonly besides?: ReadonlyArray<Send>
  readonly clients: ReadonlyArray<ChatClient>
  /** The nodes that have to be there still. */
  readonly nodes: ReadonlyArray<ChatNode>
  /** What else was measured, for the line that is printed. */
  readonly notes?: ReadonlyArray<string>
}

const SETTLE_WITHIN = "20 seconds"

/** How many clients, the first ones, are compared with what the nodes answer by REST. */
const MOST_COMPARED = 50

const line = (
  options: Options,
  { acknowledged, altered, changes, lost, received, reordered, repeated, sent }: Tally
): string => {
  const inboxes = options.clients.map((client) => client.inbox())
  const { max, p50, p99 } = Latency.summarize(
    Latency.deliveries(options.load.sends, inboxes).map(({ took }) => took)
  )
  return [
    `${options.fault}: sent ${sent} acknowledged ${acknowledged} received ${received}`,
    `changes ${changes} memberships ${options.load.made().memberships.changes}`,
    `lost ${lost} repeated ${repeated} reordered ${reordered} altered ${altered}`,
    `delivered in p50 ${p50} p99 ${p99} max ${max} ms`,
    ...(options.notes ?? []),
    `seed ${options.seed}`
  ].join(" · ")
}

/** A client's connections, one a line: where, whether the replay was complete, and how it ended. */
const history = ({ cursor, userId, visits }: ChatClient): string =>
  visits
    .map(({ ending, liveAt, url }) => {
      const end = ending === undefined ? "still open" : `ended with ${ending.code} ${ending.reason}`
      return `user ${userId} at ${cursor()}: ${url} ${liveAt === undefined ? "never live" : "live"}, ${end}`
    })
    .join("\n")

/**
 * Waits for what is under way, prints one line, and asserts that every acknowledged message and change arrived once, in order, everywhere,
 * and that event pages, histories and lists of conversations, asked from the nodes, agree with it.
 */
export const conclude = Effect.fn("Outcome.conclude")(function* (options: Options) {
  const { besides = [], clients, load, nodes } = options
  const { changes, findings, groups, memberships } = load.made()
  const sends = [...load.sends, ...besides]
  const tally = yield* settle(sends, clients, SETTLE_WITHIN, changes)
  yield* Memberships.settle(memberships, SETTLE_WITHIN)
  yield* Console.log(line(options, tally))

  const concerned = clients.filter(({ userId }) =>
    tally.findings.some((finding) => finding.includes(`user ${userId} `))
  )
  assert.deepStrictEqual(tally.findings, [], concerned.map(history).join("\n"))
  assert.strictEqual(tally.acknowledged, tally.sent, "every send was acknowledged in the end")
  assert.deepStrictEqual(
    changes.filter(({ acknowledged }) => acknowledged === undefined),
    [],
    "every change was acknowledged in the end"
  )
  assert.deepStrictEqual([...findings, ...memberships.findings()], [])
  const urls = nodes.map(({ url }) => url)
  assert.deepStrictEqual(yield* disagreements(urls, clients.slice(0, MOST_COMPARED), sends, groups), [])
  for (const client of clients) {
    assert.deepStrictEqual(client.unreadable, [], `user ${client.userId}: unreadable frames`)
    assert.isFalse(
      client.visits.some((visit) => visit.unrecovered),
      `user ${client.userId} could not be resumed`
    )
  }
  for (const node of nodes) {
    assert.isTrue(node.isAlive(), `${node.url} is alive\n${node.output()}`)
  }
})

/** Asserts that no socket ended. */
export const assertConnected = (clients: ReadonlyArray<ChatClient>): void => {
  for (const { userId, visits } of clients) {
    const endings = visits.flatMap(({ ending, url }) => (ending === undefined ? [] : [{ ...ending, url }]))
    assert.deepStrictEqual(endings, [], `the socket of user ${userId} stays open`)
  }
}

export interface Window {
  readonly from: number
  readonly to: number
}

/** Deliveries of what was sent in a window of time, milliseconds. */
export const deliveriesWithin = (
  { clients, load }: Pick<Options, "clients" | "load">,
  { from, to }: Window
): Latency.Latency =>
  Latency.summarize(
    Latency.deliveries(
      load.sends,
      clients.map((client) => client.inbox())
    )
      .filter(({ sentAt }) => sentAt >= from && sentAt < to)
      .map(({ took }) => took)
  )

/** Acknowledgements of what was sent in a window of time, milliseconds. */
export const acknowledgementsWithin = (sends: ReadonlyArray<Send>, { from, to }: Window): Latency.Latency =>
  Latency.summarize(
    Latency.ofAcknowledgements(sends.filter(({ attempts }) => attempts[0]! >= from && attempts[0]! < to))
  )
