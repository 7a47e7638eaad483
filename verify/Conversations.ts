import { Effect } from "effect"
import { type Change, EventKey } from "./EventKey.ts"
import { type Group, inWords } from "./Outgoing.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

/** The most members of the group: each message to it is an event for each of them. */
const MAX_MEMBERS = 10

/** The group of a run, or why there is none. */
export type Conversations =
  | { readonly group: Group; readonly made: Change }
  | { readonly group: undefined; readonly lacking: string }

/**
 * Makes a group of the first of the users. Answers why not when one of the nodes, each of which is asked, has no conversations: a release
 * from before them has neither groups nor edits, reactions and read marks.
 */
export const make = Effect.fn("Conversations.make")(function* (
  urls: ReadonlyArray<string>,
  userIds: ReadonlyArray<number>,
  name: string
) {
  const rest = yield* Rest
  const memberIds = userIds.slice(0, MAX_MEMBERS)
  const makerId = memberIds[0]!

  for (const url of urls) {
    const lacking = yield* onAnyNode([url], 0, () =>
      rest.conversations(url, { user_id: makerId, limit: 1 })
    ).pipe(
      Effect.as(undefined),
      Effect.catchTag("Refused", (error) =>
        error.code === "404" || error.code === "405"
          ? Effect.succeed(`${url} is of an older release, without conversations (${inWords(error)})`)
          : Effect.fail(error)
      )
    )
    if (lacking !== undefined) {
      const without: Conversations = { group: undefined, lacking }
      return without
    }
  }

  const wanted = { makerId, memberIds, title: name, clientId: `${name}-group` }
  const { id } = yield* onAnyNode(urls, 0, (url) => rest.createGroup(url, wanted))
  const made: Change = {
    what: `group ${id}`,
    readers: memberIds,
    acknowledged: EventKey.membership(id)
  }
  const conversations: Conversations = { group: { conversationId: id, memberIds }, made }
  return conversations
})
