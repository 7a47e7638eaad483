import type { Effect } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { ExportRecord } from "../domain/Export.ts"
import type { MessageId } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"

type Record<Type extends ExportRecord["type"]> = Extract<ExportRecord, { readonly type: Type }>

type Page<Type extends ExportRecord["type"]> = Effect.Effect<ReadonlyArray<Record<Type>>, Unavailable>

/** A place among the reactions of a user, which are ordered by message and then by emoji. */
export interface ReactionPlace {
  readonly messageId: MessageId
  readonly emoji: string
}

/** The stored data of a user, beside its row, page by page: a page costs the same at any depth. */
export interface ExportCalls {
  /** Memberships of conversations with ids above `after`, in ascending order. */
  conversations(userId: UserId, after: ConversationId | undefined, limit: number): Page<"conversation">
  /**
   * Messages that the user sent, deleted ones too, with ids above `after`, in ascending order. A quoted content is empty when the
   * user may not read the quoted message now.
   */
  messages(userId: UserId, after: MessageId | undefined, limit: number): Page<"message">
  /** Reactions of the user that come after a place. */
  reactions(userId: UserId, after: ReactionPlace | undefined, limit: number): Page<"reaction">
  /** Users whom the user blocks, with ids above `after`, in ascending order. */
  blocks(userId: UserId, after: UserId | undefined, limit: number): Page<"block">
  /** Reports that the user made, with ids above `after`, in ascending order. */
  reports(userId: UserId, after: number | undefined, limit: number): Page<"report">
}
