import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import * as Courier from "./Courier.ts"
import type { Message } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import type { Plan, PlannedSend } from "./Plan.ts"
import * as Progress from "./Progress.ts"

export interface Traffic {
  readonly sends: ReadonlyArray<Send>
  /** Repeated sends that were not answered as they should be, in words. */
  readonly findings: ReadonlyArray<string>
}

const CONCURRENT_SENDS = 32

/** Carries out the plan: sends, repeats them in parallel, contradicts them, and cuts connections. */
export const run = Effect.fn("Traffic.run")(function* (options: {
  readonly urls: ReadonlyArray<string>
  readonly clients: ReadonlyArray<ChatClient>
  readonly plan: Plan
  /** Begins every client id, so that two runs never share one. */
  readonly name: string
}) {
  const { clients, urls } = options
  const deliver = yield* Courier.make({ urls })
  const sends: Array<Send> = []
  const findings: Array<string> = []

  const repeat = Effect.fnUntraced(function* (
    send: Send,
    first: Effect.Effect<Message, unknown>,
    nodes: ReadonlyArray<number>
  ) {
    const copy = (node: number) => deliver({ ...send, attempts: [] }, { via: "rest", firstUrl: node })
    const answers = yield* Effect.all([first, ...nodes.map(copy)], { concurrency: "unbounded" })
    for (const answer of answers) {
      if (answer.id !== answers[0]!.id || answer.content !== send.content) {
        findings.push(`${send.clientId} was answered with ${answers[0]!.id} and, repeated, with ${answer.id}`)
      }
    }
  })

  const contradict = Effect.fnUntraced(function* (send: Send, node: number) {
    const other = { ...send, content: `${send.content} (other)`, attempts: [] }
    const status = yield* deliver(other, { via: "rest", firstUrl: node }).pipe(
      Effect.map(() => "200"),
      Effect.catchTag("Refused", ({ code }) => Effect.succeed(code))
    )
    if (status !== "409")
      findings.push(`${send.clientId} with other content was answered with ${status}, not 409`)
  })

  const perform = Effect.fnUntraced(function* (planned: PlannedSend, index: number) {
    const client = clients[planned.sender]!
    const clientId = `${options.name}-${index}`
    const send: Send = {
      clientId,
      senderId: client.userId,
      receiverId: clients[planned.receiver]!.userId,
      content: `${clientId} ${planned.text}`,
      attempts: []
    }
    sends.push(send)
    if (planned.drop !== undefined) yield* clients[planned.drop]!.drop
    const route: Courier.Route =
      planned.via === "socket" ? { via: "socket", client } : { via: "rest", firstUrl: planned.node }
    yield* repeat(send, deliver(send, route), planned.copies)
    if (planned.conflict) yield* contradict(send, planned.node)
  })

  yield* Progress.forEach(
    "Sending messages",
    options.plan.sends,
    (planned, index) => Effect.ignore(perform(planned, index)),
    CONCURRENT_SENDS
  )
  const traffic: Traffic = { sends, findings }
  return traffic
})
