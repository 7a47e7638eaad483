import { assert, describe, it } from "vitest"
import type { Draft } from "../../src/domain/Message.ts"
import { UserId } from "../../src/domain/User.ts"
import { LockedInboxes } from "../../src/repo/LockedInboxes.ts"

const user = UserId.make
const draft = (from: number, to: number): Draft => ({
  sender_id: user(from),
  receiver_id: user(to),
  content: "hello"
})

describe("LockedInboxes", () => {
  const [sends, other, receives, last] = [draft(1, 2), draft(3, 4), draft(3, 2), draft(4, 5)]
  const drafts = [sends, other, receives, last]

  it("sets apart what concerns a locked inbox, as sender or as receiver, in order", () => {
    const inboxes = new LockedInboxes()
    inboxes.add([user(2)])

    assert.deepEqual(inboxes.partition(drafts), {
      locked: [sends, receives],
      free: [other, last]
    })
  })

  it("sets nothing apart before an inbox is locked, and after it is released", () => {
    const inboxes = new LockedInboxes()
    assert.deepEqual(inboxes.partition(drafts), { locked: [], free: drafts })

    inboxes.add([user(2)])
    inboxes.delete(user(2))
    assert.deepEqual(inboxes.partition(drafts), { locked: [], free: drafts })
  })
})
