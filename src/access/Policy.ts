import type { Caller } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"

/** An operation that needs a permission. `as` is the user who acts; `of` is the user whose data, account or socket is concerned. */
export type Operation =
  | { readonly _tag: "CreateUser" }
  | { readonly _tag: "DisconnectUser" }
  | { readonly _tag: "EraseUser"; readonly of: UserId }
  | { readonly _tag: "ExportUser"; readonly of: UserId }
  | { readonly _tag: "SuspendUser" }
  | { readonly _tag: "HandleReports" }
  | { readonly _tag: "RemoveMessage" }
  | { readonly _tag: "ChangeUser"; readonly as: UserId }
  | { readonly _tag: "ReadUsers" }
  | { readonly _tag: "ReadPresence" }
  | { readonly _tag: "Send"; readonly as: UserId }
  | { readonly _tag: "ChangeMessages"; readonly as: UserId }
  | { readonly _tag: "React"; readonly as: UserId }
  | { readonly _tag: "Type"; readonly as: UserId }
  | { readonly _tag: "ChangeConversations"; readonly as: UserId }
  | { readonly _tag: "MakeGroup"; readonly as: UserId }
  | { readonly _tag: "ChangeBlocks"; readonly as: UserId }
  | { readonly _tag: "Report"; readonly as: UserId }
  | { readonly _tag: "ReadConversations"; readonly of: UserId }
  | { readonly _tag: "ReadHistory"; readonly of: UserId }
  | { readonly _tag: "ReadRecent"; readonly of: UserId }
  | { readonly _tag: "ReadEvents"; readonly of: UserId }
  | { readonly _tag: "ReadBlocks"; readonly of: UserId }
  | { readonly _tag: "ReadSuspension"; readonly of: UserId }
  | { readonly _tag: "OpenSocket"; readonly of: UserId }

/** An operation by which a user changes something. A suspended user may do none; `writerOf` says what the backend may do for it. */
export type Act = Extract<Operation, { readonly as: UserId }>

/** Returns the user whose token a caller has; undefined for the application's backend, and without authentication. */
export const selfOf = (caller: Caller): UserId | undefined =>
  caller._tag === "Member" ? caller.userId : undefined

/**
 * Returns the operation of a call that deletes a message. The user who acts is the one that the call names, else the user of the
 * token. The application's backend deletes any message when it names no user. Returns undefined when the call must name a user.
 */
export const deletionBy = (
  caller: Caller,
  named: UserId | undefined
): Extract<Operation, { _tag: "RemoveMessage" | "ChangeMessages" }> | undefined => {
  if (named === undefined && caller._tag === "Service") return { _tag: "RemoveMessage" }
  const as = named ?? selfOf(caller)
  return as && { _tag: "ChangeMessages", as }
}

/**
 * Returns the user who must not be suspended for an operation: the user who acts, or whose socket is opened. Returns undefined for every
 * other operation: reads, exports, erasures, and what only the application's backend may do. Returns undefined also for a change of a
 * profile that is not made with the user's own token: the backend may change the profile of a suspended user.
 */
export const writerOf = (caller: Caller, operation: Operation): UserId | undefined => {
  if (operation._tag === "ChangeUser" && caller._tag !== "Member") return undefined
  if ("as" in operation) return operation.as
  return operation._tag === "OpenSocket" ? operation.of : undefined
}

/**
 * The whole policy: returns whether a caller may do an operation. Without authentication every caller may do everything. The
 * application's own backend may do everything for any user. A user acts as itself, reads, exports and erases its own data, opens its own
 * socket, and reads who the other users are and whether they are online.
 *
 * What a user may do in a conversation, as a member and by its role, is decided in the transaction of the change: see `groupRights`.
 * `Gate` refuses the operations of suspended users: see `writerOf`.
 */
export const allows = (caller: Caller, operation: Operation): boolean => {
  if (caller._tag === "Anyone" || caller._tag === "Service") return true
  switch (operation._tag) {
    case "CreateUser":
    case "DisconnectUser":
    case "SuspendUser":
    case "HandleReports":
    case "RemoveMessage":
      return false
    case "ReadUsers":
    case "ReadPresence":
      return true
    case "ChangeUser":
    case "Send":
    case "ChangeMessages":
    case "React":
    case "Type":
    case "ChangeConversations":
    case "MakeGroup":
    case "ChangeBlocks":
    case "Report":
      return operation.as === caller.userId
    case "EraseUser":
    case "ExportUser":
    case "ReadConversations":
    case "ReadHistory":
    case "ReadRecent":
    case "ReadEvents":
    case "ReadBlocks":
    case "ReadSuspension":
    case "OpenSocket":
      return operation.of === caller.userId
  }
}
