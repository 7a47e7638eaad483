/** The face of the package `mini-chat/client`: all that an application imports comes from here. */
export type { ServerEvent } from "../api/EventFrames.ts"
export type { Conversation, ConversationEntry, Member, Role } from "../domain/Conversation.ts"
export type { ConversationId } from "../domain/ConversationId.ts"
export type { Message, MessageId } from "../domain/Message.ts"
export type { BlockEntry, Report } from "../domain/Moderation.ts"
export type { User, UserChange, UserId } from "../domain/User.ts"
export { type ConnectOptions, type EffectChat, make } from "./Chat.ts"
export { type Client, connect, type Sent } from "./Client.ts"
export type { Command, Failure, OutboxEntry } from "./Command.ts"
export type { SendOptions, Target } from "./Commands.ts"
export { fileStorage } from "./FileStorage.ts"
export type { GroupOptions } from "./Groups.ts"
export { indexedDbStorage } from "./IndexedDbStorage.ts"
export type { BlockPage, Found, SearchOptions } from "./People.ts"
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
  timelineOf,
  typingIn
} from "./Views.ts"
