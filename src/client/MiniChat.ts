/** The public API of `mini-chat/client`. The package has no other entry. */
export type { ServerEvent } from "../api/EventFrames.ts"
export type { Conversation, ConversationEntry, Member, Role } from "../domain/Conversation.ts"
export type { ConversationId } from "../domain/ConversationId.ts"
export { MAX_CONTENT_LENGTH, type Message, type MessageId } from "../domain/Message.ts"
export type { BlockEntry, Report } from "../domain/Moderation.ts"
export type { User, UserChange, UserId } from "../domain/User.ts"
// `make` is for applications that use Effect; all others use `connect`, whose calls return promises.
export { type ConnectOptions, type EffectChat, make } from "./Chat.ts"
// `Sent` is a message that is stored on the device and not yet committed by the server.
export { type Client, connect, type Sent } from "./Client.ts"
export type { Command, Failure, OutboxEntry } from "./Command.ts"
export type { SendOptions, Target } from "./Commands.ts"
export { fileStorage } from "./FileStorage.ts"
export type { GroupOptions } from "./Groups.ts"
export { indexedDbStorage } from "./IndexedDbStorage.ts"
// `Found` is a page of search results.
export type { BlockPage, Found, SearchOptions } from "./People.ts"
export type { Gap, ReaderEvent } from "./Readers.ts"
// `Refusal`: what waited in the outbox was refused by the server, or discarded; or the client was closed for good. `Refused`: the server answered another call with an error.
export { Refusal } from "./Refusal.ts"
export { Refused } from "./Rest.ts"
export type {
  ClosedReason,
  InboxEvent,
  PresenceState,
  State,
  Status,
  StorageStatus,
  Timeline
} from "./State.ts"
export { type ClientStorage, memoryStorage } from "./Storage.ts"
export type { TokenSource } from "./Token.ts"
export { Unreachable } from "./Unreachable.ts"
export {
  conversationList,
  conversationOf,
  directWith,
  messagesOf,
  outgoingOf,
  readersOf,
  refusedOf,
  timelineOf,
  typingIn
} from "./Views.ts"
