import type { ReadEventFrame } from "../api/EventFrames.ts"
import type { PresenceFrame, TypingEventFrame } from "../api/Protocol.ts"
import type { ConversationEntry, Member } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { User, UserId } from "../domain/User.ts"
import type { Failure, OutboxEntry } from "./Command.ts"
import type { InboxEvent, State, Status, StorageStatus } from "./State.ts"

/** An answer of REST. It shows the state of the server at some moment after the request was made. */
export type Page =
  | {
      readonly type: "conversations"
      readonly conversations: ReadonlyArray<ConversationEntry>
      readonly next: number | null
      /** All of these have an `activity` below this one. `undefined` for the first page, which replaces the whole list. */
      readonly before: number | undefined
    }
  /** One conversation. `entry` is `undefined` when the user is no longer a member. */
  | {
      readonly type: "conversation"
      readonly id: ConversationId
      readonly entry: ConversationEntry | undefined
    }
  | {
      readonly type: "messages"
      readonly id: ConversationId
      /** The `load` of the timeline when the request was made. */
      readonly load: number
      /** By ascending id. With the side `all` they replace the loaded messages; else they are joined to them at that side. */
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

/** An input of the reducer. Nothing else changes the state. */
export type Input =
  | { readonly type: "status"; readonly status: Status }
  | { readonly type: "storage"; readonly storage: StorageStatus }
  /** A socket was opened. With `recovered: false` the server cannot replay the events since the cursor. */
  | {
      readonly type: "connected"
      readonly cursor: number
      readonly epoch: string
      readonly recovered: boolean
    }
  | { readonly type: "event"; readonly event: InboxEvent }
  | { readonly type: "passing"; readonly frame: PassingFrame; readonly now: number }
  /** It is `now`: users whose time of typing is over no longer type. */
  | { readonly type: "tick"; readonly now: number }
  | { readonly type: "requested"; readonly request: number }
  /** The request ended. `page` is its answer; `undefined` when it failed, or changes nothing. */
  | { readonly type: "answered"; readonly request: number; readonly page: Page | undefined }
  /** A conversation is to be shown: its newest messages, or the messages around one. Loads them unless they are loaded already. */
  | { readonly type: "opened"; readonly id: ConversationId; readonly around: MessageId | undefined }
  | { readonly type: "closed"; readonly id: ConversationId }
  | { readonly type: "members wanted"; readonly id: ConversationId }
  | { readonly type: "wanted"; readonly part: "wantsBlocks" | "wantsProfile" }
  | { readonly type: "restored"; readonly state: Partial<State> }
  | { readonly type: "queued"; readonly entry: OutboxEntry }
  /** The storage was read. Another tab may have added entries, or removed them. */
  | { readonly type: "stored"; readonly entries: ReadonlyArray<OutboxEntry> }
  | { readonly type: "sending"; readonly clientId: string }
  | { readonly type: "requeued"; readonly clientId: string }
  | { readonly type: "acknowledged"; readonly clientId: string; readonly message: Message }
  | { readonly type: "refused"; readonly clientId: string; readonly failure: Failure }
  /** The entry leaves the outbox: it was carried out or discarded. */
  | { readonly type: "settled"; readonly clientId: string }
