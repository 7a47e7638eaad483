import { assert, describe, it } from "@effect/vitest"
import { type Change, EventKey } from "../../verify/EventKey.ts"
import type { InboxEvent } from "../../verify/Frame.ts"
import { fold } from "../../verify/InboxState.ts"
import { type Send, tally } from "../../verify/Ledger.ts"

const ALICE = 1
const BOB = 2
const CONVERSATION = 9
const THUMB = "👍"

type Event = Omit<InboxEvent, "seq">

const message = (content: string, more: Partial<Event> = {}): Event => ({
  type: "message",
  id: 7,
  sender_id: ALICE,
  conversation_id: CONVERSATION,
  content,
  ...more
})
const edit = (version: number) => message(`version ${version}`, { type: "message_updated", version })
const reaction = (user_id: number, added: boolean, count: number): Event => ({
  type: "reaction",
  message_id: 7,
  conversation_id: CONVERSATION,
  user_id,
  emoji: THUMB,
  added,
  count
})
const read = (user_id: number, message_id: number): Event => ({
  type: "read",
  conversation_id: CONVERSATION,
  user_id,
  message_id
})
const deletion: Event = { type: "message_deleted", message_id: 7, conversation_id: CONVERSATION }

/** The events of one message that Bob, a member of a group, gets of a sound server. */
const SOUND: ReadonlyArray<Event> = [
  { type: "conversation_added", conversation: { id: CONVERSATION } },
  message("version 1"),
  edit(2),
  reaction(ALICE, true, 1),
  reaction(BOB, true, 2),
  reaction(ALICE, false, 1),
  read(BOB, 6),
  read(BOB, 7),
  edit(3),
  deletion
]
const [ADDED, MESSAGE, EDIT, REACTION, , TAKEN_BACK, EARLIER_READ, READ, LATER_EDIT, DELETION] = SOUND.keys()

/** Bob's inbox, numbered without gap with any events. */
const bobs = (events: ReadonlyArray<Event>) => ({
  userId: BOB,
  after: 0,
  received: events.map((event, index) => ({ event: { ...event, seq: index + 1 }, at: 0 }))
})

const send: Send = {
  clientId: "c7",
  senderId: ALICE,
  group: { conversationId: CONVERSATION, memberIds: [ALICE, BOB] },
  content: "version 1",
  attempts: [0],
  acknowledged: { id: 7, at: 0 }
}
const acknowledged = (key: string): Change => ({ what: key, readers: [ALICE, BOB], acknowledged: key })
const edited = (version: number): Change => ({
  ...acknowledged(EventKey.edit(7, version)),
  written: { messageId: 7, version, content: `version ${version}` }
})
const CHANGES: ReadonlyArray<Change> = [
  acknowledged(EventKey.membership(CONVERSATION)),
  edited(2),
  edited(3),
  acknowledged(EventKey.reaction(7, ALICE, THUMB, true)),
  acknowledged(EventKey.reaction(7, BOB, THUMB, true)),
  acknowledged(EventKey.reaction(7, ALICE, THUMB, false)),
  { ...acknowledged(EventKey.read(CONVERSATION, BOB, 6)), readers: [BOB] },
  { ...acknowledged(EventKey.read(CONVERSATION, BOB, 7)), readers: [BOB] },
  acknowledged(EventKey.deletion(7))
]

const findings = (events: ReadonlyArray<Event>) => tally([send], [bobs(events)], CHANGES).findings
const without = (at: number | undefined) => SOUND.toSpliced(at!, 1)
const twice = (at: number | undefined) => SOUND.toSpliced(at!, 0, SOUND[at!]!)
const moved = (from: number | undefined, to: number | undefined) =>
  SOUND.toSpliced(from!, 1).toSpliced(to!, 0, SOUND[from!]!)
const altered = (at: number | undefined, change: Partial<Event>) =>
  SOUND.with(at!, { ...SOUND[at!]!, ...change })

describe("An inbox of a group", () => {
  it("is sound when each message and each change comes once, in order", () => {
    const { changes, findings } = tally([send], [bobs(SOUND)], CHANGES)
    assert.deepStrictEqual([changes, findings], [9, []])
  })

  it("is sound when a replay holds messages as they are now", () => {
    const now = message("version 3", { version: 3 })
    const replayed = SOUND.slice(0, -1).map((event) =>
      event.id === undefined ? event : { ...event, ...now, type: event.type }
    )
    assert.deepStrictEqual(tally([send], [bobs(replayed)], CHANGES.slice(0, -1)).findings, [])

    const { version: _, ...erased } = message("", { deleted_at: "2026-01-31T12:00:00.000Z" })
    const late = SOUND.map((event) => (event.id === undefined ? event : { ...erased, type: event.type }))
    assert.deepStrictEqual(findings(late), [])
  })

  it.each([
    ["a message", MESSAGE, "message 7"],
    ["a membership", ADDED, EventKey.membership(CONVERSATION)],
    ["a reaction that was taken back", TAKEN_BACK, EventKey.reaction(7, ALICE, THUMB, false)],
    ["a read mark", READ, EventKey.read(CONVERSATION, BOB, 7)],
    ["an earlier read mark", EARLIER_READ, EventKey.read(CONVERSATION, BOB, 6)],
    ["a later edit", LATER_EDIT, EventKey.edit(7, 3)],
    ["a deletion", DELETION, EventKey.deletion(7)]
  ])("has lost %s", (_, at, key) => {
    assert.include(findings(without(at)), `lost: user 2 did not get ${key}`)
  })

  it("has lost an edit before a later one", () => {
    assert.include(findings(without(EDIT)), `lost: user 2 did not get ${EventKey.edit(7, 3)}`)
  })

  it.each([
    ["a message", MESSAGE, "repeated: user 2 got message 7 as 2 and 3"],
    ["a membership", ADDED, `repeated: user 2 got the ${EventKey.membership(CONVERSATION)} twice`],
    ["an edit", EDIT, "repeated: user 2 got version 2 of message 7 after version 2"],
    ["a reaction", REACTION, `repeated: user 2 got the ${EventKey.reaction(7, ALICE, THUMB, true)} twice`],
    ["a read mark", READ, `repeated: user 2 got the ${EventKey.read(CONVERSATION, BOB, 7)} twice`],
    ["a deletion", DELETION, `repeated: user 2 got the ${EventKey.deletion(7)} twice`]
  ])("repeats %s", (_, at, finding) => {
    assert.include(findings(twice(at)), finding)
  })

  it.each([
    ["an edit before its message", EDIT, MESSAGE, `the ${EventKey.edit(7, 2)} before the message`],
    [
      "a reaction before its message",
      REACTION,
      MESSAGE,
      `the ${EventKey.reaction(7, ALICE, THUMB, true)} before the message`
    ],
    ["a deletion before its message", DELETION, MESSAGE, `the ${EventKey.deletion(7)} before the message`],
    ["an edit after the deletion", LATER_EDIT, DELETION, `the ${EventKey.edit(7, 3)} after its deletion`],
    [
      "a reaction after the deletion",
      TAKEN_BACK,
      DELETION,
      `the ${EventKey.reaction(7, ALICE, THUMB, false)} after its deletion`
    ],
    [
      "an earlier read mark after a later one",
      EARLIER_READ,
      READ,
      `the ${EventKey.read(CONVERSATION, BOB, 6)} after 7`
    ]
  ])("finds %s", (_, from, to, what) => {
    assert.include(findings(moved(from, to)), `reordered: user 2 got ${what}`)
  })

  it("finds two edits in the wrong order", () => {
    assert.include(
      findings(moved(LATER_EDIT, EDIT)),
      "reordered: user 2 got version 2 of message 7 after version 3"
    )
  })

  it.each([
    ["a message", MESSAGE, { content: "another" }, "altered: user 2 got other content in message 7"],
    ["an edit", EDIT, { content: "another" }, "altered: user 2 got other content in message 7"],
    [
      "the content of an edit whose message it holds as deleted",
      EDIT,
      { deleted_at: "now" },
      "altered: user 2 got other content in message 7"
    ],
    [
      "a count",
      REACTION,
      { count: 2 },
      `altered: user 2 got 2 instead of 1 reactions with the ${EventKey.reaction(7, ALICE, THUMB, true)}`
    ],
    [
      "the emoji of a reaction",
      REACTION,
      { emoji: "🎉" },
      `lost: user 2 did not get ${EventKey.reaction(7, ALICE, THUMB, true)}`
    ],
    [
      "the message of a read mark",
      READ,
      { message_id: 8 },
      `lost: user 2 did not get ${EventKey.read(CONVERSATION, BOB, 7)}`
    ]
  ])("alters %s", (_, at, change, finding) => {
    assert.include(findings(altered(at, change)), finding)
  })

  it("expects no change of those who cannot read it, and none that was not acknowledged", () => {
    const elsewhere = { ...acknowledged(EventKey.deletion(8)), readers: [ALICE] }
    const { acknowledged: _, ...open } = acknowledged(EventKey.deletion(8))
    assert.deepStrictEqual(tally([send], [bobs(SOUND)], [...CHANGES, elsewhere, open]).findings, [])
  })

  it("adds up to its messages, their reactions and what is read", () => {
    const { conversations, lastRead, messages } = fold(bobs(SOUND.slice(0, -1)), () => {})
    assert.deepStrictEqual([...conversations], [CONVERSATION])
    assert.deepStrictEqual([...lastRead], [[CONVERSATION, 7]])
    const { content, deleted, reactions, version } = messages.get(7)!
    assert.deepStrictEqual([content, version, deleted], ["version 3", 3, false])
    assert.deepStrictEqual([...reactions], [[THUMB, new Set([BOB])]])
  })
})
