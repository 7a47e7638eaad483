import type { ServerEvent } from "../api/EventFrames.ts"
import type { PresenceFrame } from "../api/Protocol.ts"
import type { ConversationEntry, Member } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Message, MessageId } from "../domain/Message.ts"
import type { User, UserId } from "../domain/User.ts"
import type { OutboxEntry } from "./Command.ts"

/** Whether the client is connected, and when not, what it does about it. */
export type Status =
  /** For the first time: no attempt has failed yet. */
  | { readonly type: "connecting" }
  | { readonly type: "online" }
  /** Not connected, until it is `online`. `retryAt`: when it connects again, in milliseconds since 1970; over while it tries. */
  | { readonly type: "offline"; readonly reason: string; readonly retryAt: number }
  /** For good: closed by the application, or refused by the server. */
  | { readonly type: "closed"; readonly reason: ClosedReason; readonly message: string }

export type ClosedReason =
  | "closed"
  | "unauthorized"
  | "forbidden"
  | "user_not_found"
  /** Another tab has removed what is stored on this device, as a log-out does. */
  | "forgotten"
  /** The application ended the session. */
  | "disconnected"
  | "too_many_sockets"
  | "protocol"

/** Where the outbox and the snapshot are kept. After a failure the client goes on in memory, and says so here. */
export type StorageStatus =
  | { readonly type: "ok" }
  /** What was written since is lost when the page is closed or the process ends. */
  | { readonly type: "failed"; readonly reason: string }

/** The loaded messages of an opened conversation: one part of its history, without a gap. */
export interface Timeline {
  /** By ascending id. */
  readonly messages: ReadonlyArray<Message>
  /** Whether there are older ones, or may be. */
  readonly hasOlder: boolean
  /** Whether there are newer ones, as in a part around a message that was jumped to. New messages are not added then. */
  readonly hasNewer: boolean
  /** Whether the messages are being loaded for the first time, or anew. */
  readonly isLoading: boolean
  /** The message that it is loaded around; `undefined` for the newest ones. */
  readonly around: MessageId | undefined
  /** The number of the load that it shows, or waits for. No other load has it: an answer to an earlier one is dropped. */
  readonly load: number
}

/** Whether a user is online, as of the last `presence` frame. */
export type PresenceState = Omit<typeof PresenceFrame.Type, "type" | "user_id">

/** An event of a kind that this client does not know. It has a number, and nothing else is known of it. */
export interface UnknownEvent {
  readonly type: "unknown"
  readonly seq: number
}

type Numbered<E> = E extends ServerEvent ? E & { readonly seq: number } : never

/** What an inbox holds. */
export type InboxEvent = Numbered<ServerEvent> | UnknownEvent

/**
 * What a client knows. It is never changed in place: each change makes another one that shares what stayed.
 * `conversationList`, `messagesOf` and others in `Views.ts` read it with what the outbox is about to change.
 */
export interface State {
  readonly userId: UserId
  readonly status: Status
  readonly storage: StorageStatus
  readonly conversations: ReadonlyMap<ConversationId, ConversationEntry>
  /** The ids of `conversations`, newest activity first. */
  readonly order: ReadonlyArray<ConversationId>
  /** Whether the first conversations are loaded, and from where the next page is; `null` when there are no more. */
  readonly list: { readonly isLoaded: boolean; readonly next: number | null }
  readonly timelines: ReadonlyMap<ConversationId, Timeline>
  /** The members of the groups whose members were asked for, by user id. */
  readonly members: ReadonlyMap<ConversationId, ReadonlyMap<UserId, Member>>
  /** Who types, and until when at most, in milliseconds since 1970. */
  readonly typing: ReadonlyMap<ConversationId, ReadonlyMap<UserId, number>>
  readonly presence: ReadonlyMap<UserId, PresenceState>
  /** The user's own profile, once it was asked for. */
  readonly profile: User | undefined
  /** Whom the user has blocked, once it was asked for. */
  readonly blocked: ReadonlySet<UserId> | undefined
  /** What waits to be sent, was refused, or was acknowledged and has not come back as an event. In order. */
  readonly outbox: ReadonlyArray<OutboxEntry>
  readonly sync: Sync
}

/** Where the state stands between the inbox and the answers of REST. For the client itself. */
export interface Sync {
  /** The last event that is in the state; `undefined` before the first connection. */
  readonly cursor: number | undefined
  readonly epoch: string | undefined
  /** Conversations that must be read anew, as events alone do not say what they are now. */
  readonly wanted: ReadonlySet<ConversationId>
  /** Groups whose members must be read, or read anew: how far others have read comes in frames that are not replayed. */
  readonly wantedMembers: ReadonlySet<ConversationId>
  /** Whether the blocks must be read, or read anew; and the user's own profile. */
  readonly wantsBlocks: boolean
  readonly wantsProfile: boolean
  /** Requests that have no answer yet, each with the cursor that there was when it was made. */
  readonly requests: ReadonlyMap<number, number>
  /** The events since the oldest of `requests`: what an answer may not know yet. */
  readonly log: ReadonlyArray<InboxEvent>
  /** Counts how often everything had to be loaded anew. */
  readonly generation: number
  /** Counts the loads of timelines, of all conversations together. */
  readonly loads: number
}

export const initialState = (userId: UserId): State => ({
  userId,
  status: { type: "connecting" },
  storage: { type: "ok" },
  conversations: new Map(),
  order: [],
  list: { isLoaded: false, next: null },
  timelines: new Map(),
  members: new Map(),
  typing: new Map(),
  presence: new Map(),
  profile: undefined,
  blocked: undefined,
  outbox: [],
  sync: {
    cursor: undefined,
    epoch: undefined,
    wanted: new Set(),
    wantedMembers: new Set(),
    wantsBlocks: false,
    wantsProfile: false,
    requests: new Map(),
    log: [],
    generation: 0,
    loads: 0
  }
})
