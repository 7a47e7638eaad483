import { Context, Effect, Layer } from "effect"
import type { EventRecord, InboxEvent } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { EventBuilder, EventKinds } from "./EventKinds.ts"

/** A part of an inbox, in order and without gap. */
export interface InboxPage {
  readonly events: ReadonlyArray<InboxEvent>
  /** The `since` of the next read. */
  readonly cursor: number
  /** False when `since` cannot be served: then there are no events and the cursor is the head. */
  readonly recovered: boolean
  /** The history of the database that the numbers belong to. */
  readonly epoch: string
  /** The bounds of the inbox before the page was read: while they stay, the same read has the same answer. */
  readonly head: number
  readonly pruned: number
}

/** Reads inboxes from the database, for replays, REST and polls. */
export class InboxReader extends Context.Service<
  InboxReader,
  {
    /**
     * The events after `after`, at most `limit`, in order and without gap between them. A gap before the first means that
     * events were pruned, or that the database has another history than `epoch`. An event that cannot be built is logged, and
     * answered as an `omitted` one.
     */
    events(
      userId: UserId,
      after: number,
      limit: number,
      epoch: string
    ): Effect.Effect<ReadonlyArray<InboxEvent>, Unavailable>
    /**
     * The page after `since`, of at most `limit` events. With an `epoch`, `since` is a number of that history, and cannot be
     * served when the database has another. `reserve` runs before events are read, with their number.
     */
    read<R = never>(
      userId: UserId,
      since: number,
      limit: number,
      epoch?: string,
      reserve?: (events: number) => Effect.Effect<void, never, R>
    ): Effect.Effect<InboxPage, UserNotFound | Unavailable, R>
  }
>()("minichat/inbox/InboxReader") {
  static readonly layer = Layer.effect(
    InboxReader,
    Effect.gen(function* () {
      const repo = yield* InboxRepo
      const builder = new EventBuilder(yield* EventKinds)

      const events = Effect.fnUntraced(function* (
        userId: UserId,
        after: number,
        limit: number,
        epoch: string
      ) {
        const records = yield* repo.page(userId, after, limit, builder.newMessageTypes, epoch)
        const built = records.map((record) => builder.build(record))
        const broken = records.filter(({ type }, i) => type !== built[i]!.type)
        if (broken.length > 0) yield* logBroken(userId, broken)
        return built
      })

      const read = Effect.fnUntraced(function* <R = never>(
        userId: UserId,
        since: number,
        limit: number,
        givenEpoch?: string,
        reserve?: (events: number) => Effect.Effect<void, never, R>
      ) {
        const { head, pruned, epoch } = yield* repo.find(userId)
        const bounds = { head, pruned, epoch }
        const isOfHistory = givenEpoch === undefined || givenEpoch === epoch
        if (!isOfHistory || since > head || since < pruned)
          return { events: [], cursor: head, recovered: false, ...bounds }
        if (since === head) return { events: [], cursor: head, recovered: true, ...bounds }
        if (reserve !== undefined) yield* reserve(Math.min(limit, head - since))
        const found = yield* events(userId, since, limit, epoch)
        // Pruned between the two queries: the next read is answered `recovered: false`.
        if (found[0]?.seq !== since + 1) return { events: [], cursor: since, recovered: true, ...bounds }
        return { events: found, cursor: found.at(-1)!.seq, recovered: true, ...bounds }
      })

      return InboxReader.of({ events, read })
    })
  )
}

/** Logs one line for a page, not one for each event: a client may read the same page again and again. */
const logBroken = (userId: UserId, broken: ReadonlyArray<EventRecord>) => {
  const [first] = broken
  return Effect.logError(
    `${broken.length} event(s) of the inbox of user ${userId} cannot be built, the first at ${first!.seq} of type ${first!.type}: its row lacks what the type needs, or a newer release wrote it`
  )
}
