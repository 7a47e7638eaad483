import { Context, Effect } from "effect"
import type { UserId } from "../../src/domain/User.ts"
import type { LiveInbox } from "../../src/inbox/LiveInbox.ts"
import { LiveInboxes } from "../../src/inbox/LiveInboxes.ts"

/** How many sockets and waiting polls follow an inbox that is open. */
export const followersIn = (inbox: LiveInbox): number => Reflect.get(inbox, "followers").size

/** How many sockets and waiting polls of a user there are on a node. */
export const followersOf = (services: Context.Context<LiveInboxes>, userId: UserId) =>
  Effect.scoped(Effect.map(Context.get(services, LiveInboxes).open(userId), followersIn))
