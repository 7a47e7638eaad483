import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import type { ChatSocket } from "./support/ChatServer.ts"
import { oneNode } from "./support/Nodes.ts"

/** The first frame of this type that is no other user's, or else the error. */
const answerOf = Effect.fnUntraced(function* (socket: ChatSocket, user: User, type: string) {
  while (true) {
    const frame = yield* socket.next
    if (frame.type === "error") return frame.code
    if (frame.type === type && !("user_id" in frame && frame.user_id !== user.id)) return type
  }
})

it.live("what each user may do in a group by frames of a socket that was open before", () =>
  Effect.gen(function* () {
    const [chat] = yield* oneNode
    const { client, connect, newUser } = chat
    const users = yield* Effect.replicateEffect(newUser, 7)
    const [owner, admin, member, peer, left, removed, stranger] = users as [
      User,
      User,
      User,
      User,
      User,
      User,
      User
    ]
    const { id } = yield* client.conversations.create({
      payload: {
        user_id: owner.id,
        kind: "group",
        title: "Hiking",
        member_ids: [admin, member, peer, left, removed].map((user) => user.id)
      }
    })
    const memberOf = (user: User, by: User) => ({
      params: { conversation_id: id, member_id: user.id },
      query: { user_id: by.id }
    })
    yield* client.conversations.putMember({
      params: { conversation_id: id, member_id: admin.id },
      payload: { user_id: owner.id, role: "admin" }
    })
    const { id: messageId } = yield* client.messages.send({
      payload: { sender_id: peer.id, conversation_id: id, content: "first" }
    })
    const actors = { owner, admin, member, left, removed, stranger }
    const sockets = new Map<User, ChatSocket>()
    for (const user of [...Object.values(actors), peer]) sockets.set(user, yield* connect(user))
    yield* client.conversations.removeMember(memberOf(left, left))
    yield* client.conversations.removeMember(memberOf(removed, owner))

    const statuses: Record<string, ReadonlyArray<unknown>> = {}
    for (const [name, user] of Object.entries(actors)) {
      const socket = sockets.get(user)!
      const codeOf = (type: string) => answerOf(socket, user, type)
      yield* socket.send({ type: "send", conversation_id: id, content: `of ${name}`, client_id: name })
      const sent = yield* codeOf("ack")
      yield* socket.send({ type: "read", conversation_id: id, message_id: messageId })
      const read = yield* codeOf("read")
      yield* socket.send({ type: "typing", conversation_id: id, typing: true })
      yield* socket.send({ type: "ping" })
      const typing = yield* codeOf("pong")
      statuses[name] = [sent, read, typing]
    }

    const may = ["ack", "read", "pong"]
    const mayNot = ["forbidden", "forbidden", "forbidden"]
    assert.deepEqual(statuses, {
      owner: may,
      admin: may,
      member: may,
      left: mayNot,
      removed: mayNot,
      stranger: mayNot
    })

    // The peer got what the members did, and nothing of the others.
    const watching = sockets.get(peer)!
    yield* watching.send({ type: "send", conversation_id: id, content: "end", client_id: "end" })
    const seen = { message: new Set<number>(), typing: new Set<number>(), read: new Set<number>() }
    let isEnd = false
    // Frames without a number may come after the acknowledgement.
    while (!isEnd || seen.typing.size < 3 || seen.read.size < 3) {
      const frame = yield* watching.next
      if (frame.type === "ack") isEnd = true
      if (frame.type === "message") seen.message.add(frame.sender_id)
      if (frame.type === "typing" || frame.type === "read") seen[frame.type].add(frame.user_id)
    }
    const members = new Set<number>([owner.id, admin.id, member.id])
    assert.deepEqual(seen, { message: members, typing: members, read: members })
  })
)
