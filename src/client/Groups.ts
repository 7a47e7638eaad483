import type { Effect } from "effect"
import type { Conversation, Member } from "../domain/Conversation.ts"
import type { Message } from "../domain/Message.ts"
import type { UserId } from "../domain/User.ts"
import { Calls } from "./Endpoints.ts"
import { randomId } from "./RandomId.ts"
import type { Rest, RestError } from "./Rest.ts"

export interface GroupOptions {
  readonly history?: Conversation["history"]
  readonly metadata?: NonNullable<Message["metadata"]>
  /** The idempotency key of the group: a repeated call with the same one makes no second group. */
  readonly clientId?: string
}

/** The calls that make conversations, and say who is in a group. */
export const make = (user_id: UserId, rest: Rest) => {
  const params = (conversationId: number) => ({ conversation_id: conversationId })
  const removeMember = (conversationId: number, memberId: number): Effect.Effect<void, RestError> =>
    rest(Calls.removeMember, {
      params: { ...params(conversationId), member_id: memberId },
      query: { user_id }
    })

  return {
    createGroup: (
      title: string,
      memberIds: ReadonlyArray<number>,
      { clientId = randomId(), ...more }: GroupOptions = {}
    ): Effect.Effect<Conversation, RestError> =>
      rest(Calls.createConversation, {
        payload: { user_id, kind: "group", title, member_ids: memberIds, client_id: clientId, ...more }
      }),
    openDirect: (userId: number): Effect.Effect<Conversation, RestError> =>
      rest(Calls.createConversation, { payload: { user_id, kind: "direct", with: userId } }),
    updateGroup: (
      conversationId: number,
      change: { readonly title?: string; readonly metadata?: NonNullable<Message["metadata"]> | null }
    ): Effect.Effect<Conversation, RestError> =>
      rest(Calls.updateConversation, { params: params(conversationId), payload: { user_id, ...change } }),
    putMember: (
      conversationId: number,
      memberId: number,
      role?: Member["role"]
    ): Effect.Effect<Member, RestError> =>
      rest(Calls.putMember, {
        params: { ...params(conversationId), member_id: memberId },
        payload: { user_id, role }
      }),
    removeMember,
    leave: (conversationId: number) => removeMember(conversationId, user_id)
  }
}
