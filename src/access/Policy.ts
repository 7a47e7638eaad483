import type { Caller } from "../domain/Caller.ts"
import type { UserId } from "../domain/User.ts"

/** Everything that needs a permission, with the user that it is done as, or whose data it is about. */
export type Operation =
  | { readonly _tag: "CreateUser" }
  | { readonly _tag: "DisconnectUser" }
  | { readonly _tag: "EraseUser"; readonly of: UserId }
  | { readonly _tag: "ExportUser"; readonly of: UserId }
  | { readonly _tag: "ReadUsers" }
  | { readonly _tag: "ReadPresence" }
  | { readonly _tag: "Send"; readonly as: UserId }
  | { readonly _tag: "ChangeMessages"; readonly as: UserId }
  | { readonly _tag: "ChangeConversations"; readonly as: UserId }
  | { readonly _tag: "ReadConversations"; readonly of: UserId }
  | { readonly _tag: "ReadHistory"; readonly of: UserId }
  | { readonly _tag: "ReadRecent"; readonly of: UserId }
  | { readonly _tag: "ReadEvents"; readonly of: UserId }
  | { readonly _tag: "OpenSocket"; readonly of: UserId }

/** The operations that one user does, and that others see. */
export type Act = Extract<Operation, { readonly as: UserId }>

/**
 * The whole policy: who may do what. Without authentication every caller may do everything. The application's own
 * backend acts for any user. A user sends and changes as itself, reads its own data, and reads who the other users are.
 * What the acting user may do in a conversation, as a member and by its role, is decided with the change itself, in its
 * transaction: see `groupRights`.
 */
export const allows = (caller: Caller, operation: Operation): boolean => {
  if (caller._tag === "Anyone" || caller._tag === "Service") return true
  switch (operation._tag) {
    case "CreateUser":
    case "DisconnectUser":
      return false
    case "ReadUsers":
    case "ReadPresence":
      return true
    case "Send":
    case "ChangeMessages":
    case "ChangeConversations":
      return operation.as === caller.userId
    case "EraseUser":
    case "ExportUser":
    case "ReadConversations":
    case "ReadHistory":
    case "ReadRecent":
    case "ReadEvents":
    case "OpenSocket":
      return operation.of === caller.userId
  }
}
