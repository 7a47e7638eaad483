import { type Duration, Effect } from "effect"
import * as Changes from "./Changes.ts"
import type { ChatClient } from "./ChatClient.ts"
import * as Courier from "./Courier.ts"
import type { Change } from "./EventKey.ts"
import type { Message } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import type { Group } from "./Outgoing.ts"
import type { Plan, PlannedSend } from "./Plan.ts"
import * as Progress from "./Progress.ts"

export interface Traffic {
  readonly sends: ReadonlyArray<Send>
  /** What the users did to the messages, and what they have read. */
  readonly changes: ReadonlyArray<Change>
  /** Repeated sends that were not answered as they should be, and read marks that no socket took, in words. */
  readonly findings: ReadonlyArray<string>
}

const CONCURRENT_SENDS = 32

export interface Options {
  readonly urls: ReadonlyArray<string>
  readonly clients: ReadonlyArray<ChatClient>
  /** To whom the plan's messages to the group go. */
  readonly group: Group | undefined
  /** Begins every client id, so that two runs never share one. */
  readonly name: string
  /** How long to go on trying to send a message. */
  readonly patience?: Duration.Input
}

/**
 * Carries out one planned message after the other: sends it, repeats it in parallel, contradicts it, changes it, and cuts connections.
 * `made` answers what became of all until now.
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { clients, patience, urls } = options
  const deliver = yield* Courier.make({ urls, ...(patience !== undefined && { patience }) })
  const changes = yield* Changes.make({ urls, clients })
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
    return answers[0]!
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
    const { group } = options
    const send: Send = {
      clientId,
      senderId: client.userId,
      ...(planned.receiver !== "group" && { receiverId: clients[planned.receiver]!.userId }),
      ...(planned.receiver === "group" && group !== undefined && { group }),
      content: `${clientId} ${planned.text}`,
      attempts: []
    }
    sends.push(send)
    if (planned.drop !== undefined) yield* clients[planned.drop]!.drop
    const route: Courier.Route =
      planned.via === "socket" ? { via: "socket", client } : { via: "rest", firstUrl: planned.node }
    const message = yield* repeat(send, deliver(send, route), planned.copies)
    if (planned.conflict) yield* contradict(send, planned.node)
    yield* changes.perform(planned.changes, send, message)
  })

  const made = (): Traffic => ({
    sends,
    changes: changes.made,
    findings: [...findings, ...changes.findings()]
  })
  return {
    perform: (planned: PlannedSend, index: number) => Effect.ignore(perform(planned, index)),
    made
  }
})

/** Carries out a whole plan. */
export const run = Effect.fn("Traffic.run")(function* (options: Options & { readonly plan: Plan }) {
  const { made, perform } = yield* make(options)
  yield* Progress.forEach("Sending messages", options.plan.sends, perform, CONCURRENT_SENDS)
  return made()
})
