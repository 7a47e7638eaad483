import { randomUUID } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import type { User } from "../../src/domain/User.ts"
import { freshEmbedded } from "../support/EmbeddedPool.ts"
import { followersOf } from "../support/Followers.ts"
import { startServer, type TestServer, typedClient } from "../support/TestServer.ts"

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The text as JSON; `undefined` when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is, is for the test to assert
  readonly json: any
}

export interface Ask {
  readonly headers?: Record<string, string>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly body?: string | Uint8Array<ArrayBuffer>
}

/** One server of the block's own, on an embedded database, and ways to call it. */
export class ChatServer extends Context.Service<
  ChatServer,
  {
    readonly server: TestServer
    readonly client: Effect.Success<ReturnType<typeof typedClient>>
    /** Calls the server without any knowledge of the contract. */
    ask(method: string, path: string, options?: Ask): Effect.Effect<Answer>
    /** Stands for all that is stored: two that are equal mean that nothing was written between them. */
    readonly stored: Effect.Effect<string>
    /** How many sockets and waiting polls of a user there are. */
    following(user: User): Effect.Effect<number>
  }
>()("test/http/ChatServer") {
  static readonly layer = Layer.effect(
    ChatServer,
    Effect.gen(function* () {
      const server = yield* startServer(yield* freshEmbedded)
      const client = yield* typedClient(server)
      const { pipeline: sql } = Context.get(server.services, Database)

      const stored = sql<{ readonly stored: string }>`
        SELECT md5(concat(
          (SELECT string_agg(u::text, ',' ORDER BY u.id) FROM users u), ';',
          (SELECT string_agg(m::text, ',' ORDER BY m.id) FROM messages m), ';',
          (SELECT string_agg(i::text, ',' ORDER BY i.user_id) FROM inboxes i), ';',
          (SELECT string_agg(e::text, ',' ORDER BY e.user_id, e.seq) FROM inbox_events e), ';',
          (SELECT string_agg(c::text, ',' ORDER BY c.id) FROM conversations c), ';',
          (SELECT string_agg(p::text, ',' ORDER BY p.conversation_id, p.user_id) FROM members p), ';',
          (SELECT string_agg(r::text, ',' ORDER BY r.message_id, r.emoji, r.user_id) FROM reactions r), ';',
          (SELECT string_agg(b::text, ',' ORDER BY b.user_id, b.blocked_id) FROM blocks b), ';',
          (SELECT string_agg(r::text, ',' ORDER BY r.id) FROM reports r)
        )) AS stored`.pipe(
        Effect.map((rows) => rows[0]!.stored),
        Effect.orDie
      )

      const ask = (method: string, path: string, { headers, json, body }: Ask = {}) =>
        Effect.promise(async (signal): Promise<Answer> => {
          const response = await fetch(server.url + path, {
            method,
            signal,
            redirect: "manual",
            headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers },
            ...(json === undefined ? (body === undefined ? {} : { body }) : { body: JSON.stringify(json) })
          })
          const text = await response.text()
          return { status: response.status, headers: response.headers, text, json: parsed(text) }
        })

      const following = ({ id }: User) => Effect.orDie(followersOf(server.services, id))
      return ChatServer.of({ server, client, ask, stored, following })
    })
  )
}

const parsed = (text: string) => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A username that no other test uses. */
export const newUsername = () => randomUUID().replaceAll("-", "")

/** A user that no other test knows. */
export const newUser = Effect.gen(function* () {
  const { client } = yield* ChatServer
  return yield* client.users.create({ payload: { username: newUsername() } })
})

/** So many users that no other test knows. */
export const newUsers = (count: number) => Effect.all(Array.from({ length: count }, () => newUser))

export const newPair = Effect.map(Effect.all([newUser, newUser]), ([alice, bob]) => ({ alice, bob }))

export const send = (from: User, to: User, content: string, client_id?: string) =>
  Effect.flatMap(ChatServer, ({ client }) =>
    client.messages.send({
      payload: {
        sender_id: from.id,
        receiver_id: to.id,
        content,
        ...(client_id === undefined ? {} : { client_id })
      }
    })
  )

/** How every time is written. */
export const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

export const USER_FIELDS = ["id", "username", "display_name", "created_at"]

export const MESSAGE_FIELDS = [
  "id",
  "sender_id",
  "sender_username",
  "receiver_id",
  "content",
  "timestamp",
  "conversation_id"
]
