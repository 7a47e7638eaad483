import { assert, describe, it } from "vitest"
import type { InboxEvent } from "../../src/domain/Event.ts"
import { UserId } from "../../src/domain/User.ts"
import { MEMORY_EPOCH } from "../../src/Epoch.ts"
import { LiveInbox } from "../../src/inbox/LiveInbox.ts"

const event = (seq: number, frame = `{"seq":${seq}}`): InboxEvent => ({
  seq,
  type: "message",
  traceparent: undefined,
  committedAt: undefined,
  frame: Buffer.from(frame)
})

/** An inbox whose head is known to be at a number. */
const inboxAt = (head: number) => {
  const inbox = new LiveInbox(UserId.make(1), MEMORY_EPOCH)
  inbox.learn(head, 0)
  return inbox
}

const numbersAfter = (inbox: LiveInbox, seq: number) => inbox.after(seq)?.map(({ seq }) => seq)

describe("LiveInbox", () => {
  it("has the events since its head at hand", () => {
    const inbox = inboxAt(10)
    for (const seq of [11, 12, 13]) inbox.offer(event(seq))

    assert.strictEqual(inbox.head, 13)
    assert.deepEqual(numbersAfter(inbox, 10), [11, 12, 13])
    assert.deepEqual(numbersAfter(inbox, 12), [13])
    assert.deepEqual(numbersAfter(inbox, 13), [])
    assert.isUndefined(inbox.after(9))
  })

  it("has nothing at hand before an event came", () => {
    assert.isUndefined(inboxAt(10).after(9))
  })

  it("ignores an event that it had, or that is older", () => {
    const inbox = inboxAt(10)
    inbox.offer(event(11, "first"))
    for (const seq of [11, 10, 1]) inbox.offer(event(seq, "again"))

    assert.strictEqual(inbox.head, 11)
    assert.deepEqual(
      inbox.after(10)?.map(({ frame }) => String(frame)),
      ["first"]
    )
  })

  it("never hands out events with one missing between them", () => {
    const inbox = inboxAt(10)
    for (const seq of [11, 13, 14]) inbox.offer(event(seq))

    assert.strictEqual(inbox.head, 14)
    assert.isUndefined(inbox.after(10))
    assert.isUndefined(inbox.after(11))
    assert.deepEqual(numbersAfter(inbox, 12), [13, 14])
  })

  it("does not move back, and hands nothing out that it did not see, when it learns of a later head", () => {
    const inbox = inboxAt(10)
    inbox.offer(event(11))

    inbox.learn(9, 3)
    assert.strictEqual(inbox.head, 11)
    assert.deepEqual(numbersAfter(inbox, 10), [11])

    inbox.learn(15, 4)
    assert.strictEqual(inbox.head, 15)
    assert.strictEqual(inbox.pruned, 4)
    assert.isUndefined(inbox.after(10))
  })

  it("calls its followers each time that the head moved, and none that left", () => {
    const inbox = inboxAt(10)
    const calls: Array<string> = []
    inbox.follow(() => calls.push(`first at ${inbox.head}`))
    const leave = inbox.follow(() => calls.push(`second at ${inbox.head}`))

    inbox.offer(event(11))
    inbox.offer(event(11))
    leave()
    inbox.learn(12, 0)

    assert.deepEqual(calls, ["first at 11", "second at 11", "first at 12"])
  })

  it("keeps the latest 64 events", () => {
    const inbox = inboxAt(0)
    for (let seq = 1; seq <= 100; seq++) inbox.offer(event(seq))

    assert.isUndefined(inbox.after(35))
    assert.lengthOf(inbox.after(36)!, 64)
  })

  it("keeps at most 256 KiB, but always the latest event", () => {
    const inbox = inboxAt(0)
    for (let seq = 1; seq <= 10; seq++) inbox.offer(event(seq, "x".repeat(60 * 1024)))
    assert.deepEqual(numbersAfter(inbox, 6), [7, 8, 9, 10])
    assert.isUndefined(inbox.after(5))

    inbox.offer(event(11, "x".repeat(300 * 1024)))
    assert.deepEqual(numbersAfter(inbox, 10), [11])
    assert.isUndefined(inbox.after(9))
  })

  it("forgets what is at hand when nothing came between two calls", () => {
    const inbox = inboxAt(0)
    inbox.offer(event(1))
    inbox.forgetOld()
    assert.deepEqual(numbersAfter(inbox, 0), [1])

    inbox.forgetOld()
    assert.isUndefined(inbox.after(0))

    inbox.offer(event(2))
    assert.deepEqual(numbersAfter(inbox, 1), [2])
  })
})
