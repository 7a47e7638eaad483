import { type Duration, Effect, Schedule } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import * as Courier from "./Courier.ts"
import type { InboxEvent } from "./Frame.ts"
import type { Send } from "./Ledger.ts"
import { type Group, inWords } from "./Outgoing.ts"
import type { PlannedStep } from "./Plan.ts"
import { Progress } from "./Progress.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

interface Options {
  readonly urls: ReadonlyArray<string>
  /** The users of the group that changes, by the indexes of the plan. The first one makes it and stays. */
  readonly clients: ReadonlyArray<ChatClient>
  /** Begins each client id. */
  readonly name: string
}

interface Steps extends Options {
  readonly steps: ReadonlyArray<PlannedStep>
  /** Whether the progress of the steps is to be shown: not while other progress is. */
  readonly isShown: () => boolean
}

/** What became of the group whose members change. */
export interface Memberships {
  /** The group with the members that it has in the end. */
  readonly group: Group
  /** How many steps were acknowledged. */
  readonly changes: number
  /** The events of the group that inboxes lack or should not have, in words; why a step failed. */
  readonly findings: () => ReadonlyArray<string>
}

/**
 * Makes a group, and answers what adds members to it, removes them, and writes to it. The steps must be made one after another: so what
 * each inbox must hold of the group is known to the last event, all that happened while its user was a member, in order, and nothing
 * else. `made` answers what became of all steps until now.
 */
export const make = Effect.fnUntraced(function* ({ clients, name, urls }: Options) {
  const rest = yield* Rest
  const deliver = yield* Courier.make({ urls })
  const due = new Map(clients.map(({ userId }): [number, Array<string>] => [userId, []]))
  const failures: Array<string> = []
  let changes = 0

  const makerId = clients[0]!.userId
  const members = new Set(clients.slice(0, Math.ceil(clients.length / 2)).map(({ userId }) => userId))
  const wanted = {
    makerId,
    memberIds: [...members],
    title: `${name} joined`,
    clientId: name,
    history: "joined"
  }
  const { id: conversationId } = yield* onAnyNode(urls, 0, (url) => rest.createGroup(url, wanted))
  const expect = (userIds: Iterable<number>, what: string) => {
    for (const userId of userIds) due.get(userId)!.push(what)
  }
  expect(members, Due.added)

  const add = Effect.fnUntraced(function* (userId: number, node: number) {
    yield* onAnyNode(urls, node, (url) => rest.putMember(url, conversationId, { userId, by: makerId }))
    expect(members, Due.memberAdded(userId, members.size + 1))
    expect([userId], Due.added)
    members.add(userId)
  })

  const remove = Effect.fnUntraced(function* (userId: number, node: number, leaves: boolean) {
    const by = leaves ? userId : makerId
    yield* onAnyNode(urls, node, (url) => rest.removeMember(url, conversationId, { userId, by }))
    members.delete(userId)
    expect(members, Due.memberRemoved(userId, members.size))
    expect([userId], Due.removed)
  })

  const write = Effect.fnUntraced(function* (userId: number, node: number, index: number) {
    const group = { conversationId, memberIds: [...members] }
    const clientId = `${name}-${index}`
    const send: Send = { clientId, senderId: userId, group, content: clientId, attempts: [] }
    const { id } = yield* deliver(send, { via: "rest", firstUrl: node })
    for (const member of members) expect([member], Due.message(id, member === userId))
  })

  const perform = ({ action, leaves, node, user }: PlannedStep, index: number) => {
    const { userId } = clients[user]!
    if (action === "write") return write(members.has(userId) ? userId : makerId, node, index)
    return members.has(userId) ? remove(userId, node, leaves) : add(userId, node)
  }

  /** Makes one step; none any more once one has failed: what follows cannot be judged, as that step may have been made. */
  const take = Effect.fnUntraced(function* (step: PlannedStep, index: number) {
    if (failures.length > 0) return
    const outcome = yield* Effect.result(perform(step, index))
    if (outcome._tag === "Success") changes += 1
    else
      failures.push(
        `step ${index} of the group that changes is not acknowledged: ${inWords(outcome.failure)}`
      )
  })

  const findings = () => [
    ...failures,
    ...(failures.length > 0
      ? []
      : clients.flatMap((client) => differences(client, conversationId, due.get(client.userId)!)))
  ]
  const made = (): Memberships => ({ group: { conversationId, memberIds: [...members] }, changes, findings })
  return { take, made }
})

/** Makes a group and takes all steps. */
export const run = Effect.fn("Memberships.run")(function* (options: Steps) {
  const { steps } = options
  const { show } = yield* Progress
  const { made, take } = yield* make(options)
  for (const [index, step] of steps.entries()) {
    yield* take(step, index)
    if (options.isShown()) show("Changing members", index + 1, steps.length)
  }
  return made()
})

/** Waits until the inboxes have the events of the group that they should, or `within` has passed. */
export const settle = ({ findings }: Memberships, within: Duration.Input) =>
  Effect.sync(findings).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo({ duration: within })),
      until: (found) => found.length === 0
    }),
    Effect.asVoid
  )

/** The events that an inbox must have of the group, as the lines that are compared with those of its events. */
const Due = {
  added: "conversation_added",
  removed: "conversation_removed",
  memberAdded: (userId: number, count: number) => `member_added ${userId}, ${count} members`,
  memberRemoved: (userId: number, count: number) => `member_removed ${userId}, ${count} members`,
  message: (id: number, isOwn: boolean) => `${isOwn ? "message_sent" : "message"} ${id}`
}

const lineOf = (event: InboxEvent): string => {
  switch (event.type) {
    case "member_added":
      return Due.memberAdded(event.member?.user_id ?? 0, event.member_count ?? 0)
    case "member_removed":
      return Due.memberRemoved(event.user_id ?? 0, event.member_count ?? 0)
    case "message":
    case "message_sent":
      return Due.message(event.id ?? 0, event.type === "message_sent")
    default:
      return event.type
  }
}

/** Compares the events that an inbox has of a conversation with those that it must have. Gaps and repeats of its numbers are found elsewhere. */
const differences = (client: ChatClient, conversationId: number, due: ReadonlyArray<string>) => {
  const bySeq = new Map(client.inbox().received.map(({ event }) => [event.seq, event]))
  const came = [...bySeq.values()]
    .filter(({ conversation, conversation_id }) => (conversation_id ?? conversation?.id) === conversationId)
    .sort((a, b) => a.seq - b.seq)
    .map(lineOf)
  const at = Array.from({ length: Math.max(due.length, came.length) }, (_, n) => n).find(
    (n) => due[n] !== came[n]
  )
  if (at === undefined) return []
  return [
    `user ${client.userId}: of the group that changes its inbox has "${came[at] ?? "nothing"}" and not "${due[at] ?? "nothing"}", as number ${at + 1} of ${due.length}`
  ]
}
