import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Changes from "../../verify/Changes.ts"
import type { ChatClient } from "../../verify/ChatClient.ts"
import { Message } from "../../verify/Frame.ts"
import { type Outgoing, Refused, Unanswered } from "../../verify/Outgoing.ts"
import type { PlannedChanges } from "../../verify/Plan.ts"
import { Rest } from "../../verify/Rest.ts"

const ALICE = 1
const BOB = 2
const DIRECT: Outgoing = { clientId: "c", senderId: ALICE, receiverId: BOB, content: "hello" }
const GROUP: Outgoing = {
  clientId: "c",
  senderId: ALICE,
  group: { conversationId: 9, memberIds: [ALICE, BOB, 3] },
  content: "hello"
}
const MESSAGE = Message.make({ id: 7, sender_id: ALICE, conversation_id: 9, content: "hello" })

const planned = (changes: Partial<PlannedChanges>): PlannedChanges => ({
  edits: [],
  reactions: [],
  read: undefined,
  deleted: false,
  node: 0,
  ...changes
})

interface Deployment {
  /** What the calls do before they are answered, one after another; those that follow are answered at once. */
  readonly before?: ReadonlyArray<Refused | Unanswered>
  /** Whether read marks that came over a socket become events. */
  readonly tellsReads?: boolean
  /** How often the changes are made. */
  readonly times?: number
}

/** Makes the changes of one message of Alice's, and answers what is known of them and which calls there were. */
const perform = Effect.fnUntraced(function* (
  send: Outgoing,
  changes: Partial<PlannedChanges>,
  { before = [], tellsReads = true, times = 1 }: Deployment = {}
) {
  const calls: Array<string> = []
  const answer = <A>(url: string, what: string, value: () => A) =>
    Effect.suspend((): Effect.Effect<A, Refused | Unanswered> => {
      const failure = before[calls.length]
      calls.push(`${url} ${what}`)
      return failure ?? Effect.sync(value)
    })
  let version = 1
  const rest = Layer.mock(Rest, {
    edit: (url, _, change) =>
      answer(url, "edit", () => {
        if (change.version === version) version += 1
        return Message.make({ ...MESSAGE, content: change.content, version })
      }),
    remove: (url) => answer(url, "remove", () => MESSAGE),
    react: (url, _, { added, userId }) =>
      answer(url, `${added ? "react" : "unreact"} ${userId}`, () => MESSAGE),
    markRead: (url, _, { message_id }) =>
      answer(url, "markRead", () => ({ last_read_id: message_id, unread: 0 }))
  })
  const client = (userId: number): ChatClient => {
    let read = 0
    return {
      userId,
      visits: [],
      received: [],
      unreadable: [],
      inbox: () => ({ userId, after: 0, received: [] }),
      cursor: () => 0,
      live: Effect.void,
      send: () => Effect.die("not used"),
      markRead: (_, messageId) =>
        Effect.sync(() => {
          calls.push("frame")
          // Another device has read one message more.
          if (tellsReads) read = messageId + 1
        }),
      readUpTo: () => read,
      drop: Effect.void
    }
  }
  const clients = [ALICE, BOB, 3].map(client)
  const fiber = yield* Effect.gen(function* () {
    const { findings, made, perform } = yield* Changes.make({ urls: ["a", "b"], clients })
    for (let time = 0; time < times; time += 1) yield* perform(planned(changes), send, MESSAGE)
    return {
      made: made.map(({ acknowledged, failed, readers }) => [failed ?? acknowledged, readers.length]),
      findings: findings()
    }
  }).pipe(Effect.provide(rest), Effect.forkChild)
  for (let second = 0; second < 90; second += 1) yield* TestClock.adjust("1 second")
  return { ...(yield* Fiber.join(fiber)), calls }
})

describe("Changes", () => {
  it.effect("edits, reacts and deletes, each an event for all members of a group", () =>
    Effect.gen(function* () {
      const reactions = [{ user: 1, emoji: "👍", takenBack: true }]
      const { made } = yield* perform(GROUP, { edits: ["x", "y"], reactions, deleted: true })
      assert.sameDeepMembers(made, [
        ["edit of message 7 to version 2", 3],
        ["edit of message 7 to version 3", 3],
        ["reaction 👍 of user 2 to message 7", 3],
        ["end of the reaction 👍 of user 2 to message 7", 3],
        ["deletion of message 7", 3]
      ])
      assert.deepStrictEqual(made.at(-1)![0], "deletion of message 7")
    })
  )

  it.effect("repeats what a draining node cuts, on the next node", () =>
    Effect.gen(function* () {
      const cut = new Unanswered({ reason: "read ECONNRESET", retryAfterMillis: 0 })
      const { calls, made } = yield* perform(DIRECT, { edits: ["x"] }, { before: [cut, cut] })
      assert.deepStrictEqual(calls, ["a edit", "b edit", "a edit"])
      assert.deepStrictEqual(made, [["edit of message 7 to version 2", 2]])
    })
  )

  it.effect("says why a change is not acknowledged", () =>
    Effect.gen(function* () {
      const refused = new Refused({ code: "403", detail: "no" })
      assert.deepStrictEqual((yield* perform(DIRECT, { deleted: true }, { before: [refused] })).made, [
        ["403 no", 2]
      ])
    })
  )

  it.effect.each([
    ["the other user of a direct conversation", DIRECT, 2],
    ["nobody else in a group", GROUP, 1]
  ] as const)("expects the event of a read mark at the reader, and at %s", ([, send, readers]) =>
    Effect.gen(function* () {
      const read = { reader: 1, via: "rest" } as const
      const { calls, made } = yield* perform(send, { read })
      assert.deepStrictEqual(calls, ["a markRead"])
      assert.deepStrictEqual(made, [["read of user 2 in conversation 9 up to message 7", readers]])
    })
  )

  it.effect("takes a read mark over a socket for acknowledged when its event comes, or a later one's", () =>
    Effect.gen(function* () {
      const { calls, made } = yield* perform(DIRECT, { read: { reader: 1, via: "socket" } })
      assert.deepStrictEqual(calls, ["frame"])
      assert.deepStrictEqual(made, [["read of user 2 in conversation 9 up to message 8", 2]])
    })
  )

  it.effect("asks by REST when no event comes for a read mark that went over a socket", () =>
    Effect.gen(function* () {
      const read = { reader: 1, via: "socket" } as const
      const { calls, made } = yield* perform(DIRECT, { read }, { tellsReads: false })
      assert.deepStrictEqual(calls, ["frame", "frame", "a markRead"])
      assert.deepStrictEqual(made, [["read of user 2 in conversation 9 up to message 7", 2]])
    })
  )

  it.effect("finds sockets whose read marks never become events", () =>
    Effect.gen(function* () {
      const read = { reader: 1, via: "socket" } as const
      const findingsOf = Effect.fnUntraced(function* (deployment: Deployment) {
        return (yield* perform(DIRECT, { read }, deployment)).findings
      })
      assert.deepStrictEqual(yield* findingsOf({ tellsReads: false, times: 3 }), [
        "no event came for a read mark over a socket, 3 times of 3"
      ])
      assert.deepStrictEqual(yield* findingsOf({ tellsReads: false, times: 2 }), [])
      assert.deepStrictEqual(yield* findingsOf({ tellsReads: true, times: 3 }), [])
    })
  )
})
