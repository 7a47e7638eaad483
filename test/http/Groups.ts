import { Effect } from "effect"
import type { User } from "../../src/domain/User.ts"
import { ChatServer, newUser, newUsers } from "./ChatServer.ts"

/** Makes a group of these users by REST, and answers its body. */
export const newGroup = Effect.fnUntraced(function* (
  owner: User,
  members: ReadonlyArray<User>,
  fields: Readonly<Record<string, unknown>> = {}
) {
  const { ask } = yield* ChatServer
  const { json } = yield* ask("POST", "/conversations/", {
    json: {
      user_id: owner.id,
      kind: "group",
      title: "group",
      member_ids: members.map(({ id }) => id),
      ...fields
    }
  })
  return json as { readonly id: number; readonly member_count: number }
})

/** Sends to a conversation, and answers the message. */
export const sendTo = Effect.fnUntraced(function* (
  from: User,
  conversation_id: number,
  content: string,
  fields: Readonly<Record<string, unknown>> = {}
) {
  const { ask } = yield* ChatServer
  const { json } = yield* ask("POST", "/messages/", {
    json: { sender_id: from.id, conversation_id, content, ...fields }
  })
  return json as { readonly id: number; readonly conversation_id: number; readonly content: string }
})

/** The events of a user's inbox, from its beginning. */
export const eventsOf = Effect.fnUntraced(function* ({ id }: User) {
  const { ask } = yield* ChatServer
  const { json } = yield* ask("GET", `/users/${id}/events?since=0&limit=1000`)
  return json.events as ReadonlyArray<
    { readonly type: string; readonly seq: number } & Readonly<Record<string, unknown>>
  >
})

/**
 * A group with members of every role, one who has left it and one who never was in it. Each of its members, and the one who left,
 * sent one message.
 */
export const newWorld = Effect.gen(function* () {
  const { ask } = yield* ChatServer
  const [owner, admin, member, peer, former, stranger] = yield* newUsers(6)
  const { id } = yield* newGroup(owner!, [admin!, member!, peer!, former!])
  yield* ask("PUT", `/conversations/${id}/members/${admin!.id}`, {
    json: { user_id: owner!.id, role: "admin" }
  })
  const actors = { owner: owner!, admin: admin!, member: member!, former: former!, stranger: stranger! }
  const sent: Record<string, number> = {}
  for (const name of ["owner", "admin", "member", "former"] as const) {
    sent[name] = (yield* sendTo(actors[name], id, `of ${name}`)).id
  }
  const ofPeer = (yield* sendTo(peer!, id, "of peer")).id
  yield* ask("DELETE", `/conversations/${id}/members/${former!.id}?user_id=${former!.id}`)
  return { id, actors, peer: peer!, other: yield* newUser, sent, ofPeer }
})

export type World = Effect.Success<typeof newWorld>
