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

/** Ids without brands, as applications have them. */
type Plain<A> = A extends number
  ? number
  : A extends ReadonlyArray<infer B>
    ? ReadonlyArray<Plain<B>>
    : A extends object
      ? { readonly [K in keyof A]: Plain<A[K]> }
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

const call =
  <Group>() =>
  <const Id extends HttpApiEndpoint.Identifier<HttpApiGroup.Endpoints<Group>>>(
    _id: Id,
    method: Method<Of<Group, Id>>,
    path: Path<Of<Group, Id>>,
    answer: Schema.Decoder<TypeOf<HttpApiEndpoint.Success<Of<Group, Id>>>>
  ): Call<Of<Group, Id>> => ({ method, path, answer })

const users = call<typeof Users>()
const messages = call<typeof Messages>()
const conversations = call<typeof Conversations>()
const blocks = call<typeof Blocks>()
const moderation = call<typeof Moderation>()

const next = Schema.NullOr(Schema.Int)

export const Calls = {
  createUser: users("create", "POST", `${Paths.users}/`, User),
  listUsers: users("list", "GET", `${Paths.users}/`, Schema.Array(User)),
  getUser: users("get", "GET", `${Paths.users}/:user_id`, User),
  updateUser: users("update", "PATCH", `${Paths.users}/:user_id`, User),
  eraseUser: users("erase", "DELETE", `${Paths.users}/:user_id`, Schema.Void),
  // Lines that are handed out as they come, and not decoded.
  exportUser: users("export", "GET", `${Paths.users}/:user_id/export`, Schema.Never),
  listBlocks: blocks(
    "list",
    "GET",
    `${Paths.users}/:user_id/blocks`,
    Schema.Struct({ blocks: Schema.Array(BlockEntry), next })
  ),
  block: blocks("block", "PUT", `${Paths.users}/:user_id/blocks/:blocked_id`, Block),
  unblock: blocks("unblock", "DELETE", `${Paths.users}/:user_id/blocks/:blocked_id`, Schema.Void),
  report: moderation("report", "POST", `${Paths.messages}/:message_id/report`, Report),
  suspension: moderation("suspension", "GET", `${Paths.users}/:user_id/suspension`, Suspension),
  search: messages(
    "search",
    "GET",
    `${Paths.messages}/search`,
    Schema.Struct({ messages: Schema.Array(Message), next: Schema.NullOr(MessageId) })
  ),
  history: messages("history", "GET", `${Paths.messages}/`, Schema.Array(Message)),
  getMessage: messages("get", "GET", `${Paths.messages}/:message_id`, Message),
  editMessage: messages("edit", "PATCH", `${Paths.messages}/:message_id`, Message),
  deleteMessage: messages("delete", "DELETE", `${Paths.messages}/:message_id`, Message),
  react: messages("react", "PUT", `${Paths.messages}/:message_id/reactions/:emoji`, Message),
  unreact: messages("unreact", "DELETE", `${Paths.messages}/:message_id/reactions/:emoji`, Message),
  listConversations: conversations(
    "list",
    "GET",
    `${Paths.conversations}/`,
    Schema.Struct({ conversations: Schema.Array(ConversationEntry), next })
  ),
  createConversation: conversations("create", "POST", `${Paths.conversations}/`, Conversation),
  getConversation: conversations("get", "GET", `${Paths.conversations}/:conversation_id`, ConversationEntry),
  updateConversation: conversations(
    "update",
    "PATCH",
    `${Paths.conversations}/:conversation_id`,
    Conversation
  ),
  listMembers: conversations(
    "members",
    "GET",
    `${Paths.conversations}/:conversation_id/members`,
    Schema.Struct({ members: Schema.Array(Member), next })
  ),
  putMember: conversations(
    "putMember",
    "PUT",
    `${Paths.conversations}/:conversation_id/members/:member_id`,
    Member
  ),
  removeMember: conversations(
    "removeMember",
    "DELETE",
    `${Paths.conversations}/:conversation_id/members/:member_id`,
    Schema.Void
  ),
  markRead: conversations("read", "POST", `${Paths.conversations}/:conversation_id/read`, ReadState)
}
