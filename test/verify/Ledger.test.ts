import { assert, describe, it } from "@effect/vitest"
import type { InboxEvent } from "../../verify/Frame.ts"
import type { Inbox } from "../../verify/Inbox.ts"
import { deliveries, ofAcknowledgements, summarize } from "../../verify/Latency.ts"
import { isClean, type Send, tally } from "../../verify/Ledger.ts"

const ALICE = 1
const BOB = 2

const sent = (id: number, overrides: Partial<Send> = {}): Send => ({
  clientId: `c${id}`,
  senderId: ALICE,
  receiverId: BOB,
  content: `message ${id}`,
  attempts: [id * 10],
  acknowledged: { id, at: id * 10 + 3 },
  ...overrides
})

const unacknowledged = (id: number): Send => {
  const { acknowledged: _, ...send } = sent(id)
  return send
}

const event = (seq: number, type: "message" | "message_sent", id: number): InboxEvent => ({
  type,
  seq,
  id,
  sender_id: ALICE,
  receiver_id: BOB,
  content: `message ${id}`,
  ...(type === "message_sent" && { client_id: `c${id}` })
})

const inbox = (userId: number, events: ReadonlyArray<InboxEvent>, after = 0): Inbox => ({
  userId,
  after,
  received: events.map((each) => ({ event: each, at: (each.id ?? 0) * 10 + 5 }))
})

const alice = (...ids: ReadonlyArray<number>) =>
  inbox(
    ALICE,
    ids.map((id, index) => event(index + 1, "message_sent", id))
  )
const bob = (...ids: ReadonlyArray<number>) =>
  inbox(
    BOB,
    ids.map((id, index) => event(index + 1, "message", id))
  )

const counts = (sends: ReadonlyArray<Send>, inboxes: ReadonlyArray<Inbox>) => {
  const { altered, lost, reordered, repeated } = tally(sends, inboxes)
  return { lost, repeated, reordered, altered }
}

const none = { lost: 0, repeated: 0, reordered: 0, altered: 0 }

describe("Ledger", () => {
  it("finds nothing wrong when each acknowledged message is in both inboxes once", () => {
    const result = tally([sent(1), sent(2)], [alice(1, 2), bob(1, 2)])
    assert.deepStrictEqual(result, {
      sent: 2,
      acknowledged: 2,
      refused: 0,
      changes: 0,
      received: 4,
      ...none,
      findings: []
    })
    assert.isTrue(isClean(result))
  })

  it("counts an acknowledged message that the receiver did not get as lost", () => {
    assert.deepStrictEqual(counts([sent(1), sent(2)], [alice(1, 2), bob(1)]), { ...none, lost: 1 })
  })

  it("counts an acknowledged message that the sender's other devices did not get as lost", () => {
    assert.deepStrictEqual(counts([sent(1), sent(2)], [alice(1), bob(1, 2)]), { ...none, lost: 1 })
  })

  it("takes a message without an acknowledgement as it comes", () => {
    assert.deepStrictEqual(counts([sent(1), unacknowledged(2)], [alice(1), bob(1)]), none)
    assert.deepStrictEqual(counts([sent(1), unacknowledged(2)], [alice(1, 2), bob(1, 2)]), none)
  })

  it("counts a refused send, and does not expect it", () => {
    const result = tally([{ ...unacknowledged(1), refused: "404" }], [alice(), bob()])
    assert.strictEqual(result.refused, 1)
    assert.isTrue(isClean(result))
  })

  it("counts a missing number as lost, whoever sent the message", () => {
    const gap = inbox(BOB, [event(1, "message", 1), event(3, "message", 3)])
    assert.deepStrictEqual(counts([], [gap]), { ...none, lost: 1 })
  })

  it("begins at the number that the device began from", () => {
    assert.deepStrictEqual(counts([], [inbox(BOB, [event(8, "message", 1)], 7)]), none)
    assert.deepStrictEqual(counts([], [inbox(BOB, [event(8, "message", 1)], 6)]), { ...none, lost: 1 })
    assert.deepStrictEqual(counts([], [inbox(BOB, [event(8, "message", 1)], 8)]), { ...none, repeated: 1 })
  })

  it("counts a number that came twice as repeated", () => {
    const twice = inbox(BOB, [event(1, "message", 1), event(1, "message", 1)])
    assert.deepStrictEqual(counts([sent(1)], [alice(1), twice]), { ...none, repeated: 1 })
  })

  it("counts a message under two numbers as repeated", () => {
    assert.deepStrictEqual(counts([sent(1)], [alice(1), bob(1, 1)]), { ...none, repeated: 1 })
  })

  it("counts a client id that was stored as two messages as repeated", () => {
    const stored = inbox(ALICE, [
      event(1, "message_sent", 1),
      { ...event(2, "message_sent", 2), client_id: "c1" }
    ])
    assert.deepStrictEqual(counts([sent(1)], [stored, bob(1, 2)]), { ...none, repeated: 1 })
  })

  it("counts one acknowledgement for two client ids as a loss of one of them", () => {
    const other = sent(1, { clientId: "other" })
    assert.deepStrictEqual(counts([sent(1), other], [alice(1), bob(1)]), { ...none, lost: 1 })
  })

  it("counts a number that came after a higher one as reordered", () => {
    const swapped = inbox(BOB, [event(2, "message", 2), event(1, "message", 1)])
    assert.deepStrictEqual(counts([sent(1), sent(2)], [alice(1, 2), swapped]), { ...none, reordered: 1 })
  })

  it("counts ids that do not ascend with the numbers as reordered", () => {
    assert.deepStrictEqual(counts([sent(1), sent(2)], [alice(1, 2), bob(2, 1)]), { ...none, reordered: 1 })
  })

  it("counts other content than was sent as altered", () => {
    const garbled = inbox(BOB, [{ ...event(1, "message", 1), content: "message" }])
    assert.deepStrictEqual(counts([sent(1)], [alice(1), garbled]), { ...none, altered: 1 })
  })

  it("expects every device of a user to get everything", () => {
    assert.deepStrictEqual(counts([sent(1)], [alice(1), bob(1), bob()]), { ...none, lost: 1 })
  })

  it("keeps the words of the first findings only, and counts them all", () => {
    const many = Array.from({ length: 50 }, (_, index) => sent(index + 1))
    const result = tally(many, [bob()])
    assert.strictEqual(result.lost, 50)
    assert.strictEqual(result.findings.length, 20)
    assert.strictEqual(result.findings[0], "lost: user 2 did not get message 1")
  })
})

describe("Latency", () => {
  it("measures an acknowledgement from the attempt that succeeded", () => {
    assert.deepStrictEqual(ofAcknowledgements([sent(5, { attempts: [10, 50] }), unacknowledged(6)]), [3])
  })

  it("measures a delivery from the last attempt before it arrived", () => {
    const send = sent(5, { attempts: [10, 50, 90] })
    assert.deepStrictEqual(deliveries([send], [alice(5), bob(5)]), [{ sentAt: 50, took: 5 }])
  })

  it("summarizes by nearest rank", () => {
    const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
    assert.deepStrictEqual(summarize(samples), { count: 100, p50: 51, p99: 100, max: 100 })
    assert.deepStrictEqual(summarize([]), { count: 0, p50: 0, p99: 0, max: 0 })
  })
})
