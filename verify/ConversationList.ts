import { Effect } from "effect"
import type { ChatClient } from "./ChatClient.ts"
import type { InboxState } from "./InboxState.ts"
import { inWords, type Refused, type Unanswered } from "./Outgoing.ts"
import * as Progress from "./Progress.ts"
import { Rest } from "./Rest.ts"
import { onAnyNode } from "./Retry.ts"

const PAGE = 20

/** The server counts no further. */
const MOST_UNREAD = 100

/** What the list of conversations must show of one of them. */
const expected = (userId: number, conversationId: number, { lastRead, messages }: InboxState) => {
  const inside = [...messages].filter(([, message]) => message.conversationId === conversationId)
  const read = lastRead.get(conversationId)
  const unread = inside.filter(
    ([id, { deleted, senderId }]) => senderId !== userId && !deleted && id > (read ?? 0)
  ).length
  const last = inside.reduce((highest, [id]) => Math.max(highest, id), 0)
  return { unread: Math.min(unread, MOST_UNREAD), read, last, content: messages.get(last)?.content }
}

/**
 * Reads each user's list of conversations, and compares what it says is unread, read and last with what the events of the user, one state
 * a client, add up to.
 */
export const compare = Effect.fn("ConversationList.compare")(function* (
  urls: ReadonlyArray<string>,
  clients: ReadonlyArray<ChatClient>,
  states: ReadonlyArray<InboxState>
) {
  const rest = yield* Rest
  const findings: Array<string> = []

  const listOf = Effect.fnUntraced(function* (userId: number, node: number) {
    let before: number | null = null
    const all = []
    do {
      const query = { user_id: userId, limit: PAGE, ...(before !== null && { before }) }
      const page: Effect.Success<ReturnType<Rest["Service"]["conversations"]>> = yield* onAnyNode(
        urls,
        node,
        (url) => rest.conversations(url, query)
      )
      all.push(...page.conversations)
      before = page.next
    } while (before !== null)
    return all
  })

  const compareOne = Effect.fnUntraced(function* ({ userId }: ChatClient, index: number) {
    const state = states[index]!
    const listed = yield* listOf(userId, index)
    const missing = [...state.conversations].filter((id) => !listed.some((entry) => entry.id === id))
    if (missing.length > 0 || listed.length !== state.conversations.size) {
      findings.push(
        `user ${userId}: ${listed.length} conversations are listed, and by the events there are ${state.conversations.size}`
      )
    }
    for (const { id, last_message, last_read_id, unread } of listed) {
      const wanted = expected(userId, id, state)
      const where = `user ${userId}: conversation ${id}`
      if (unread !== wanted.unread) {
        findings.push(`${where} is listed with ${unread} unread, and the events leave ${wanted.unread}`)
      }
      if (wanted.read !== undefined && last_read_id !== wanted.read) {
        findings.push(
          `${where} is listed as read up to ${last_read_id}, and by the events up to ${wanted.read}`
        )
      }
      if ((last_message?.id ?? 0) !== wanted.last || last_message?.content !== wanted.content) {
        findings.push(`${where} is listed with another last message than by the events`)
      }
    }
  })
  const failed = (client: ChatClient) => (error: Refused | Unanswered) =>
    Effect.sync(() => findings.push(`user ${client.userId}: list of conversations: ${inWords(error)}`))
  yield* Progress.forEach(
    "Reading lists of conversations",
    clients,
    (client, index) => compareOne(client, index).pipe(Effect.catch(failed(client))),
    8
  )
  return findings
})
