import type { Result } from "effect"
import type { Message, SendError } from "./Message.ts"
import type { Unavailable } from "./Unavailable.ts"
import type { UserId } from "./User.ts"

/** An event that reports a send, by its user and its number. */
export interface Appended {
  readonly userId: UserId
  /** Events of group messages have types of their own: sockets of version 1 do not get them. */
  readonly type: "message" | "message_sent" | "group_message" | "group_message_sent"
  readonly seq: number
}

/** A committed send. */
export interface Sent {
  readonly message: Message
  /** Whether an earlier send with the same `client_id` made the message. */
  readonly isRepeat: boolean
  /** The events that report it; none for a repeat of a send that is no longer among the latest events. */
  readonly appended: ReadonlyArray<Appended>
}

/** The result of a draft. */
export type Outcome = Result.Result<Sent, SendError | Unavailable>
