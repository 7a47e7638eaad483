import type { Caller } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"

/** Everything that needs a permission: `as` has the acting user, `of` the user whose data it reads. */
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

/** The operations by which a user changes something. A suspended user may do none of them. */
export type Act = Extract<Operation, { readonly as: UserId }>

/** The user whose token a caller has; `undefined` for the application's backend, and without authentication. */
export const selfOf = (caller: Caller): UserId | undefined =>
  caller._tag === "Member" ? caller.userId : undefined

/**
 * The operation of a call that deletes a message for the user that it names, else for the token's own. The application's backend
 * deletes any message when it names none. `undefined` when the call must name a user.
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
 * The user for whom an operation writes, or could: the acting user, or the one whose socket it opens. `undefined` for a read, and for
 * what only the application's backend may do. The backend may also change the profile of a suspended user.
 */
export const writerOf = (caller: Caller, operation: Operation): UserId | undefined => {
  if (operation._tag === "ChangeUser" && caller._tag !== "Member") return undefined
  if ("as" in operation) return operation.as
  return operation._tag === "OpenSocket" ? operation.of : undefined
}

/**
 * The whole policy: who may do what. Without authentication every caller may do everything. The application's own
 * backend acts for any user. A user sends and changes as itself, reads its own data, and reads who the other users are.
 * What the acting user may do in a conversation, as a member and by its role, is decided with the change itself, in its
 * transaction: see `groupRights`. `Gate` sees to it that a suspended user only reads.
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
