import type { ReadEventFrame } from "../api/EventFrames.ts"
import type { PresenceFrame, TypingEventFrame } from "../api/Protocol.ts"
import type { ConversationEntry, Member } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { User, UserId } from "../domain/User.ts"
import type { Failure, OutboxEntry } from "./Command.ts"
import type { InboxEvent, State, Status, StorageStatus } from "./State.ts"

/** An answer of REST: the state of the server at some moment after the request was made. */
export type Page =
  | {
      readonly type: "conversations"
      readonly conversations: ReadonlyArray<ConversationEntry>
      readonly next: number | null
      /** The place in the list that these begin below. `undefined` for the first ones: they replace all others. */
      readonly before: number | undefined
    }
  /** One conversation; `undefined` when the user is not a member of it any more. */
  | {
      readonly type: "conversation"
      readonly id: ConversationId
      readonly entry: ConversationEntry | undefined
    }
  | {
      readonly type: "messages"
      readonly id: ConversationId
      /** The `load` of the timeline that asked. */
      readonly load: number
      /** By ascending id. `all` replaces what is there. */
      readonly messages: ReadonlyArray<Message>
      readonly side: "all" | "older" | "newer"
      readonly hasOlder: boolean
      readonly hasNewer: boolean
    }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "members"; readonly id: ConversationId; readonly members: ReadonlyArray<Member> }
  | { readonly type: "blocks"; readonly blocked: ReadonlySet<UserId> }
  /** The user's own; `undefined` when it was refused. */
  | { readonly type: "profile"; readonly profile: User | undefined }

/** A frame without a number: it is not replayed. */
export type PassingFrame =
  | typeof TypingEventFrame.Type
  | typeof PresenceFrame.Type
  | Omit<typeof ReadEventFrame.Type, "seq">

/** All that can change the state. */
export type Input =
  | { readonly type: "status"; readonly status: Status }
  | { readonly type: "storage"; readonly storage: StorageStatus }
  /** A socket was opened. `recovered: false`: the server no longer has the events since the cursor. */
  | {
      readonly type: "connected"
      readonly cursor: number
      readonly epoch: string
      readonly recovered: boolean
    }
  | { readonly type: "event"; readonly event: InboxEvent }
  | { readonly type: "passing"; readonly frame: PassingFrame; readonly now: number }
  /** Time went on: ends what others have stopped typing. */
  | { readonly type: "tick"; readonly now: number }
  | { readonly type: "requested"; readonly request: number }
  /** The answer; `undefined` when there is none. */
  | { readonly type: "answered"; readonly request: number; readonly page: Page | undefined }
  /** A conversation is to be shown: its newest messages, or those around one. What is loaded already is not loaded again. */
  | { readonly type: "opened"; readonly id: ConversationId; readonly around: MessageId | undefined }
  | { readonly type: "closed"; readonly id: ConversationId }
  | { readonly type: "members wanted"; readonly id: ConversationId }
  | { readonly type: "wanted"; readonly part: "wantsBlocks" | "wantsProfile" }
  | { readonly type: "restored"; readonly state: Partial<State> }
  | { readonly type: "queued"; readonly entry: OutboxEntry }
  /** What the storage holds: another tab may have added entries, or removed them. */
  | { readonly type: "stored"; readonly entries: ReadonlyArray<OutboxEntry> }
  | { readonly type: "sending"; readonly clientId: string }
  | { readonly type: "requeued"; readonly clientId: string }
  | { readonly type: "acknowledged"; readonly clientId: string; readonly message: Message }
  | { readonly type: "refused"; readonly clientId: string; readonly failure: Failure }
  /** The entry has nothing to wait for any more. */
  | { readonly type: "settled"; readonly clientId: string }
