import { Schema } from "effect"
import type { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type { Blocks } from "../api/Blocks.ts"
import type { Conversations } from "../api/Conversations.ts"
import type { Messages } from "../api/Messages.ts"
import type { Moderation } from "../api/Moderation.ts"
import { Paths } from "../api/Paths.ts"
import type { Users } from "../api/Users.ts"
import { Conversation, ConversationEntry, Member, ReadState } from "../domain/Conversation.ts"
import { Message, MessageId } from "../domain/Message.ts"
import { Block, BlockEntry, Report, Suspension } from "../domain/Moderation.ts"
import { User } from "../domain/User.ts"

/**
 * The endpoints that the client calls. The contract itself, and the client that Effect derives from it, would be half of the
 * client's bytes: 65 KiB instead of 36 (brotli) before the first line of this folder. So each endpoint is named here once more; its
 * method, its path and what it answers are held to those of the contract by the compiler.
 */

type Of<Group, Id> = Extract<HttpApiGroup.Endpoints<Group>, { readonly identifier: Id }>

type Encoded<S> = S extends { readonly Encoded: infer A } ? A : never

/** Ids without brands, as applications have them. What may be left out may be `undefined`: it is not sent. */
type Plain<A> = A extends number
  ? number
  : A extends ReadonlyArray<infer B>
    ? ReadonlyArray<Plain<B>>
    : A extends object
      ? {
          readonly [K in keyof A]: Plain<A[K]> | (Record<never, never> extends Pick<A, K> ? undefined : never)
        }
      : A

type Part<Name extends string, S> = [S] extends [never]
  ? unknown
  : { readonly [K in Name]: Plain<S extends { readonly Type: infer A } ? A : never> }
type Body<S> = [S] extends [never] ? unknown : { readonly payload: Plain<Encoded<S>> }

/** What a call of an endpoint takes: its path's parameters, its query and its body, as far as it has them. */
export type Request<E> = Part<"params", HttpApiEndpoint.Params<E>> &
  Part<"query", HttpApiEndpoint.Query<E>> &
  Body<HttpApiEndpoint.Payload<E>>

type TypeOf<S> = S extends { readonly Type: infer A } ? A : never

/** An endpoint of the contract, and the schema of its answer. */
export interface Call<E> {
  readonly method: string
  readonly path: string
  readonly answer: Schema.Decoder<TypeOf<HttpApiEndpoint.Success<E>>>
  readonly "~endpoint"?: E
}

type Method<E> = E extends { readonly method: infer M extends string } ? M : never
type Path<E> = E extends { readonly path: infer P extends string } ? P : never

type IdOf<Group> = HttpApiEndpoint.Identifier<HttpApiGroup.Endpoints<Group>>

/** Names an endpoint by its types: its group and its id are no bytes of the client. */
const call = <Group, Id extends IdOf<Group>>(
  method: Method<Of<Group, Id>>,
  path: Path<Of<Group, Id>>,
  answer: Schema.Decoder<TypeOf<HttpApiEndpoint.Success<Of<Group, Id>>>>
): Call<Of<Group, Id>> => ({ method, path, answer })

const next = Schema.NullOr(Schema.Int)

export const Calls = {
  listUsers: call<typeof Users, "list">("GET", `${Paths.users}/`, Schema.Array(User)),
  me: call<typeof Users, "me">("GET", `${Paths.users}/me`, User),
  getUser: call<typeof Users, "get">("GET", `${Paths.users}/:user_id`, User),
  updateUser: call<typeof Users, "update">("PATCH", `${Paths.users}/:user_id`, User),
  eraseUser: call<typeof Users, "erase">("DELETE", `${Paths.users}/:user_id`, Schema.Void),
  // Lines that are handed out as they come, and not decoded.
  exportUser: call<typeof Users, "export">("GET", `${Paths.users}/:user_id/export`, Schema.Never),
  listBlocks: call<typeof Blocks, "list">(
    "GET",
    `${Paths.users}/:user_id/blocks`,
    Schema.Struct({ blocks: Schema.Array(BlockEntry), next })
  ),
  block: call<typeof Blocks, "block">("PUT", `${Paths.users}/:user_id/blocks/:blocked_id`, Block),
  unblock: call<typeof Blocks, "unblock">(
    "DELETE",
    `${Paths.users}/:user_id/blocks/:blocked_id`,
    Schema.Void
  ),
  report: call<typeof Moderation, "report">("POST", `${Paths.messages}/:message_id/report`, Report),
  suspension: call<typeof Moderation, "suspension">("GET", `${Paths.users}/:user_id/suspension`, Suspension),
  search: call<typeof Messages, "search">(
    "GET",
    `${Paths.messages}/search`,
    Schema.Struct({ messages: Schema.Array(Message), next: Schema.NullOr(MessageId) })
  ),
  history: call<typeof Messages, "history">("GET", `${Paths.messages}/`, Schema.Array(Message)),
  editMessage: call<typeof Messages, "edit">("PATCH", `${Paths.messages}/:message_id`, Message),
  deleteMessage: call<typeof Messages, "delete">("DELETE", `${Paths.messages}/:message_id`, Message),
  react: call<typeof Messages, "react">("PUT", `${Paths.messages}/:message_id/reactions/:emoji`, Message),
  unreact: call<typeof Messages, "unreact">(
    "DELETE",
    `${Paths.messages}/:message_id/reactions/:emoji`,
    Message
  ),
  listConversations: call<typeof Conversations, "list">(
    "GET",
    `${Paths.conversations}/`,
    Schema.Struct({ conversations: Schema.Array(ConversationEntry), next })
  ),
  createConversation: call<typeof Conversations, "create">("POST", `${Paths.conversations}/`, Conversation),
  getConversation: call<typeof Conversations, "get">(
    "GET",
    `${Paths.conversations}/:conversation_id`,
    ConversationEntry
  ),
  updateConversation: call<typeof Conversations, "update">(
    "PATCH",
    `${Paths.conversations}/:conversation_id`,
    Conversation
  ),
  listMembers: call<typeof Conversations, "members">(
    "GET",
    `${Paths.conversations}/:conversation_id/members`,
    Schema.Struct({ members: Schema.Array(Member), next })
  ),
  putMember: call<typeof Conversations, "putMember">(
    "PUT",
    `${Paths.conversations}/:conversation_id/members/:member_id`,
    Member
  ),
  removeMember: call<typeof Conversations, "removeMember">(
    "DELETE",
    `${Paths.conversations}/:conversation_id/members/:member_id`,
    Schema.Void
  ),
  markRead: call<typeof Conversations, "read">(
    "POST",
    `${Paths.conversations}/:conversation_id/read`,
    ReadState
  )
}
