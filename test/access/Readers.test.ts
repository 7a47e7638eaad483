import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ServerFrame } from "../../src/api/Protocol.ts"
import type { ConversationEntry } from "../../src/domain/Conversation.ts"
import type { ExportRecord } from "../../src/domain/Export.ts"
import type { User } from "../../src/domain/User.ts"
import { type ChatSocket, type chatOn, hasSharedServices } from "../realtime/support/ChatServer.ts"
import { oneNode, twoNodes } from "../realtime/support/Nodes.ts"

type Chat = Effect.Success<ReturnType<typeof chatOn>>
type Nodes = readonly [Chat, Chat]

const READERS = ["owner", "member", "blocked", "left", "removed", "late", "back", "stranger"] as const
type Reader = (typeof READERS)[number]

const ask = Effect.fnUntraced(function* ({ server }: Chat, method: string, path: string, body?: unknown) {
  return yield* Effect.promise(async (signal) => {
    const response = await fetch(server.url + path, {
      method,
      signal,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
    })
    const text = await response.text()
    return { status: response.status, json: text === "" ? undefined : JSON.parse(text) }
  })
})

/** What an export has of a conversation: whether the user is a member, and the contents of messages. */
const exportOf = Effect.fnUntraced(function* ({ server }: Chat, userId: number, conversationId: number) {
  const text = yield* Effect.promise(async (signal) =>
    (await fetch(`${server.url}/users/${userId}/export`, { signal })).text()
  )
  const records: ReadonlyArray<typeof ExportRecord.Type> = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  const messages = records.flatMap((record) => (record.type === "message" ? [record.message] : []))
  return {
    isMember: records.some(
      (record) => record.type === "conversation" && record.conversation.id === conversationId
    ),
    contents: contents(messages.filter(({ conversation_id }) => conversation_id === conversationId))
  }
})

/** The last message that each user gets. */
const LAST = "the end"

type Ids = Readonly<Record<string, number>>

/** An event in a line: its type, and what it shows of a message. */
const lineOf = (event: ServerFrame, ids: Ids): string => {
  const words: Array<string> = [event.type]
  if (event.type === "message_deleted" || event.type === "reaction")
    words.push(...Object.keys(ids).filter((name) => ids[name] === event.message_id))
  if ("content" in event) words.push(event.content === "" ? "nothing" : event.content)
  if ("withheld" in event && event.withheld === true) words.push("withheld")
  return words.join(" ")
}

/** The events that a socket gets before the last message. */
const untilLast = Effect.fnUntraced(function* (socket: ChatSocket, ids: Ids) {
  const lines: Array<string> = []
  while (true) {
    const frame = yield* socket.next
    if ("content" in frame && frame.content === LAST) return lines
    if (frame.type !== "system") lines.push(lineOf(frame, ids))
  }
})

/** What happens in a group while its readers come, go and are blocked; each call is the other node's turn. */
const story = Effect.fnUntraced(function* (nodes: Nodes, history: "all" | "joined") {
  let turns = 0
  const call = (method: string, path: string, body?: unknown) =>
    Effect.map(ask(nodes[turns++ % 2]!, method, path, body), ({ status, json }) => {
      assert.include([200, 204], status, `${method} ${path}`)
      return json
    })
  const newUser = nodes[0].newUser
  const users: Record<Reader, User> = yield* Effect.all({
    owner: newUser,
    member: newUser,
    blocked: newUser,
    left: newUser,
    removed: newUser,
    late: newUser,
    back: newUser,
    stranger: newUser
  })
  const { owner, member, blocked, left, removed, late, back } = users
  const bot = yield* newUser
  const live = yield* Effect.forEach(READERS, (name) =>
    Effect.all([nodes[0].connect(users[name]), nodes[1].connect(users[name])])
  )

  const { id } = yield* call("POST", "/conversations/", {
    user_id: owner.id,
    kind: "group",
    title: "apples",
    history,
    member_ids: [member, blocked, left, removed, back].map((user) => user.id)
  })
  const send = (content: string, sender = owner) =>
    Effect.map(
      call("POST", "/messages/", { sender_id: sender.id, conversation_id: id, content }),
      (message): number => message.id
    )
  const remove = (user: User, by: User) =>
    call("DELETE", `/conversations/${id}/members/${user.id}?user_id=${by.id}`)
  const add = (user: User) => call("PUT", `/conversations/${id}/members/${user.id}`, { user_id: owner.id })

  yield* call("PUT", `/users/${owner.id}/blocks/${blocked.id}`)
  const kept = yield* send("kept apple")
  const edited = yield* send("first apple")
  const lost = yield* send("lost apple", blocked)
  yield* remove(left, left)
  yield* remove(removed, owner)
  yield* remove(back, back)
  const between = yield* send("apple between")
  yield* add(late)
  yield* add(back)
  const after = yield* send("apple after")
  yield* call("PATCH", `/messages/${edited}`, { user_id: owner.id, content: "edited apple" })
  yield* call("DELETE", `/messages/${lost}?user_id=${blocked.id}`)
  yield* call("PUT", `/messages/${kept}/reactions/%F0%9F%91%8D?user_id=${blocked.id}`)
  for (const name of READERS) {
    yield* call("POST", "/messages/", { sender_id: bot.id, receiver_id: users[name].id, content: LAST })
  }
  return { users, live, id, ids: { kept, edited, lost, between, after } }
})

/** What a reader gets of a group: each line is an event, and the messages that it may read come newest first. */
interface Access {
  /** On an open socket, while it happens. */
  readonly live: ReadonlyArray<string>
  /** In a replay since 0, and by REST's events. */
  readonly replay: ReadonlyArray<string>
  /** What it reads now: in the history, one by one, and by a search. */
  readonly reads: ReadonlyArray<string>
  readonly isMember: boolean
}

/** What each exports of the messages: those that it sent itself, as they are now. */
const EXPORTED: Partial<Record<Reader, ReadonlyArray<string>>> = {
  owner: ["kept apple", "edited apple", "apple between", "apple after"],
  blocked: ["nothing"]
}

const WHOLE = ["apple after", "apple between", "nothing", "edited apple", "kept apple"]

const CHANGES = ["message_updated edited apple", "message_deleted lost", "reaction kept"]

/** The events of a member of the whole time, with the content that two of its messages have. */
const ofMember = (
  edited: string,
  lost: string,
  as: Partial<Record<"block" | "others" | "lost", string>> = {}
) => [
  "conversation_added",
  ...(as.block === undefined ? [] : [as.block]),
  `${as.others ?? "message"} kept apple`,
  `${as.others ?? "message"} ${edited}`,
  `${as.lost ?? "message"} ${lost}`,
  "member_removed",
  "member_removed",
  "member_removed",
  `${as.others ?? "message"} apple between`,
  "member_added",
  "member_added",
  `${as.others ?? "message"} apple after`,
  ...CHANGES
]

const member = (as: Parameters<typeof ofMember>[2] = {}): Access => ({
  live: ofMember("first apple", "lost apple", as),
  replay: ofMember("edited apple", "nothing", as),
  reads: WHOLE,
  isMember: true
})

/** One whose membership ended after the first messages: what changed since is withheld from it. */
const former = (...end: ReadonlyArray<string>): Access => {
  const begin = ["conversation_added", "message kept apple"]
  return {
    live: [...begin, "message first apple", "message lost apple", ...end],
    replay: [...begin, "message nothing withheld", "message nothing withheld", ...end],
    reads: [],
    isMember: false
  }
}

const ACCESS = (history: "all" | "joined"): Record<Reader, Access> => {
  const isAll = history === "all"
  const late = ["conversation_added", "member_added", "message apple after", ...(isAll ? CHANGES : [])]
  const left = former("member_removed", "member_removed", "conversation_removed")
  const again = ["conversation_added", "message apple after", ...(isAll ? CHANGES : [])]
  const reads = isAll ? WHOLE : ["apple after"]
  return {
    owner: member({ block: "block", others: "message_sent" }),
    member: member(),
    blocked: member({ lost: "message_sent" }),
    left: former("conversation_removed"),
    removed: former("member_removed", "conversation_removed"),
    late: { live: late, replay: late, reads, isMember: true },
    back: {
      live: [...left.live, ...again],
      replay: [
        ...(isAll ? ofMember("edited apple", "nothing").slice(0, 4) : left.replay.slice(0, 4)),
        ...left.replay.slice(4),
        ...again
      ],
      reads,
      isMember: true
    },
    stranger: { live: [], replay: [], reads: [], isMember: false }
  }
}

const contents = (messages: ReadonlyArray<{ readonly content: string }>) =>
  messages.map(({ content }) => (content === "" ? "nothing" : content))

const tests = (nodes: typeof twoNodes | typeof oneNode) => {
  it.live.each(["all", "joined"] as const)(
    "each reader gets the same live, in a replay, by REST, in the list, by a search and in an export, in a group with history %s",
    (history) =>
      Effect.gen(function* () {
        const both = yield* nodes
        const { users, live, id, ids } = yield* story(both, history)
        for (const [i, name] of READERS.entries()) {
          const expected = ACCESS(history)[name]
          const { id: user_id } = users[name]
          for (const socket of live[i]!) {
            assert.deepEqual(yield* untilLast(socket, ids), expected.live, `${name}, live`)
          }
          for (const node of both) {
            const replayed = yield* Effect.flatMap(node.connect(users[name], { since: 0 }), (socket) =>
              untilLast(socket, ids)
            )
            assert.deepEqual(replayed, expected.replay, `${name}, replayed`)
            const { json: page } = yield* ask(node, "GET", `/users/${user_id}/events?since=0&limit=1000`)
            const byRest = page.events.slice(0, -1).map((event: ServerFrame) => lineOf(event, ids))
            assert.deepEqual(byRest, expected.replay, `${name}, by REST`)

            const read = yield* ask(node, "GET", `/messages/?user_id=${user_id}&conversation_id=${id}`)
            assert.strictEqual(read.status, expected.isMember ? 200 : 403, `${name}, history`)
            if (expected.isMember) assert.deepEqual(contents(read.json), expected.reads, `${name}, history`)
            const search = yield* ask(node, "GET", `/messages/search?user_id=${user_id}&q=apple`)
            const found = expected.reads.filter((content) => content !== "nothing")
            assert.deepEqual(contents(search.json.messages), found, `${name}, search`)
            const one = yield* Effect.forEach(Object.values(ids).toReversed(), (message) =>
              ask(node, "GET", `/messages/${message}?user_id=${user_id}`)
            )
            const messages = one.flatMap(({ status, json }) => (status === 200 ? [json] : []))
            assert.deepEqual(contents(messages), expected.reads, `${name}, one by one`)
            const { json: list } = yield* ask(node, "GET", `/conversations/?user_id=${user_id}`)
            const last = list.conversations.flatMap((entry: ConversationEntry) =>
              entry.id === id ? [entry.last_message] : []
            )
            assert.deepEqual(contents(last), expected.reads.slice(0, 1), `${name}, list`)
            assert.deepEqual(
              yield* exportOf(node, user_id, id),
              { isMember: expected.isMember, contents: EXPORTED[name] ?? [] },
              `${name}, export`
            )
          }
        }
      }),
    60_000
  )
}

describe("on one node", () => tests(oneNode))
describe.runIf(hasSharedServices)("on two nodes", () => tests(twoNodes))
