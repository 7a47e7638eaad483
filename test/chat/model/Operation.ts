import type { HistoryAccess, Role } from "../../../src/domain/Conversation.ts"
import type { ConversationId } from "../../../src/domain/ConversationId.ts"
import type { MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"

/** The most members of a group: so few that groups are full at times. */
export const MAXIMUM = 5

type Group = ConversationId

/** What a user asks of the server. */
export type Operation = { readonly by: UserId } & (
  | {
      readonly type: "send"
      readonly to: { readonly user: UserId } | { readonly group: Group }
      readonly content: string
      readonly replyTo: MessageId | undefined
      readonly clientId: string | undefined
      readonly metadata: { readonly n: number } | undefined
    }
  | {
      readonly type: "createGroup"
      readonly members: ReadonlyArray<UserId>
      readonly title: string
      readonly history: HistoryAccess
      readonly clientId: string | undefined
    }
  | { readonly type: "createDirect"; readonly other: UserId }
  | {
      readonly type: "update"
      readonly conversation: ConversationId
      readonly title: string | undefined
      readonly metadata: { readonly n: number } | null | undefined
    }
  | {
      readonly type: "putMember"
      readonly conversation: ConversationId
      readonly member: UserId
      readonly role: Role | undefined
    }
  | { readonly type: "removeMember"; readonly conversation: ConversationId; readonly member: UserId }
  | { readonly type: "markRead"; readonly conversation: ConversationId; readonly message: MessageId }
  | {
      readonly type: "edit"
      readonly message: MessageId
      readonly content: string
      readonly version: number | undefined
      readonly metadata: { readonly n: number } | null | undefined
    }
  | { readonly type: "remove"; readonly message: MessageId }
  /** The application deletes it, for nobody. */
  | { readonly type: "removeAny"; readonly message: MessageId }
  | { readonly type: "react" | "unreact"; readonly message: MessageId; readonly emoji: string }
  | { readonly type: "report"; readonly message: MessageId }
  | { readonly type: "block" | "unblock"; readonly other: UserId }
  | { readonly type: "rename"; readonly name: string }
  /** Suspends the user itself, or ends that. */
  | { readonly type: "suspend" | "restore" }
  /** Erases the user itself, to the end. */
  | { readonly type: "erase" }
)

/** What came of an operation. */
export type Outcome =
  /** It changed something: the message or the conversation that it was about, with what the server gave it. */
  | { readonly verdict: "changed"; readonly id?: number }
  /** There was nothing to change, or it had been done before. */
  | { readonly verdict: "unchanged"; readonly id?: number }
  /** One of the two: the server does not say which. */
  | { readonly verdict: "accepted"; readonly id?: number }
  | { readonly verdict: "refused"; readonly why: string }
