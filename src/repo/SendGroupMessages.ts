import { Effect, Result } from "effect"
import type { Database } from "../database/Database.ts"
import {
  int4Array,
  int8Array,
  optionalInt8Array,
  optionalTextArray,
  textArray
} from "../database/SqlParameters.ts"
import { Suspended } from "../domain/Caller.ts"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import { ClientIdConflict, type GroupDraft, type Quote, QuoteNotFound } from "../domain/Message.ts"
import type { Appended, Outcome } from "../domain/Send.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { placesOf } from "./ChangeRows.ts"
import { newRow, type Repeats, withRepeats } from "./Repeats.ts"
import { toMessage } from "./Rows.ts"
import { columnId } from "./UserParameters.ts"

/** Sends through `send_group_messages` (`migrations/functions`). It waits two seconds for a lock. */
export const sendGroupMessages = ({ sends: sql, orUnavailable }: Database["Service"]) => {
  const sendBatch = (drafts: ReadonlyArray<GroupDraft>) =>
    sql<SendRow>`SELECT * FROM send_group_messages(
      ${int4Array(drafts.map(({ sender_id }) => columnId(sender_id)))},
      ${int8Array(drafts.map(({ conversation_id }) => conversation_id))},
      ${textArray(drafts.map(({ content }) => content))},
      ${optionalTextArray(drafts.map(({ client_id }) => client_id ?? null))},
      ${optionalInt8Array(drafts.map(({ reply_to_id }) => reply_to_id ?? null))},
      ${optionalTextArray(drafts.map(({ metadata }) => (metadata == null ? null : JSON.stringify(metadata))))}
    )`.pipe(
      Effect.flatMap((rows) => withRepeats(sql, rows)),
      Effect.map(({ rows, repeats }) => rows.map((row, i) => toOutcome(row, drafts[i]!, repeats)))
    )

  const refuseAll = (drafts: ReadonlyArray<GroupDraft>, error: Unavailable) =>
    drafts.map((): Outcome => Result.fail(error))

  const sendOrRefuse = (drafts: ReadonlyArray<GroupDraft>): Effect.Effect<ReadonlyArray<Outcome>> =>
    sendBatch(drafts).pipe(
      Effect.map(Effect.succeed<ReadonlyArray<Outcome>>),
      // An inbox of one group is locked: send to each group by itself, so that the other groups do not fail too.
      Effect.catchReason("SqlError", "LockTimeoutError", (_, error) =>
        drafts.every(({ conversation_id }) => conversation_id === drafts[0]!.conversation_id)
          ? Effect.fail(error)
          : Effect.succeed(sendByGroup(drafts))
      ),
      orUnavailable,
      Effect.flatten,
      Effect.catch((error) => Effect.succeed(refuseAll(drafts, error)))
    )

  const sendByGroup = Effect.fnUntraced(function* (drafts: ReadonlyArray<GroupDraft>) {
    const outcomes: Array<Outcome> = []
    for (const group of Map.groupBy(drafts.entries(), ([, draft]) => draft.conversation_id).values()) {
      const ofGroup = yield* sendOrRefuse(group.map(([, draft]) => draft))
      for (const [i, [place]] of group.entries()) outcomes[place] = ofGroup[i]!
    }
    return outcomes
  })

  return (drafts: ReadonlyArray<GroupDraft>): Effect.Effect<ReadonlyArray<Outcome>> =>
    drafts.length === 0 ? Effect.succeed([]) : sendOrRefuse(drafts)
}

interface SendRow {
  readonly status:
    | "sent"
    | "repeat"
    | "conflict"
    | "not_member"
    | "conversation_not_found"
    | "quote_not_found"
    | "suspended"
  readonly id: number
  readonly sender_username: string
  readonly timestamp: Date
  readonly users: ReadonlyArray<number>
  readonly seqs: ReadonlyArray<number | null>
  readonly quote: Quote | null
}

const toOutcome = (row: SendRow, draft: GroupDraft, repeats: Repeats): Outcome => {
  switch (row.status) {
    case "not_member":
      return Result.fail(new NotMember())
    case "conversation_not_found":
      return Result.fail(new ConversationNotFound())
    case "suspended":
      return Result.fail(new Suspended())
    case "quote_not_found":
      return Result.fail(new QuoteNotFound())
    case "conflict":
      return Result.fail(new ClientIdConflict())
    default: {
      const repeat = repeats.get(row.id)
      const places = repeat?.isWithheld === true ? [] : placesOf(row.users, row.seqs)
      return Result.succeed({
        message: repeat?.message ?? toMessage(newRow(draft, row)),
        isRepeat: row.status === "repeat",
        appended: places.map(
          ({ userId, seq }): Appended => ({
            userId,
            type: userId === draft.sender_id ? "group_message_sent" : "group_message",
            seq
          })
        )
      })
    }
  }
}
