import { Context, Effect, Exit, Layer, Scope } from "effect"
import type { EventRecord, InboxEvent } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { EventBuilder, EventKinds } from "./EventKinds.ts"
import { LiveInboxes } from "./LiveInboxes.ts"
import * as PollGrace from "./PollGrace.ts"
import * as Waits from "./Waits.ts"

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
     * The page after `since`, of at most `limit` events. When it is empty, waits up to `wait` seconds for an event, and
     * answers as soon as one is committed; a node that drains does not wait. See `Waits`. With an `epoch`, `since` is a number of that
     * history, and cannot be served when the database has another. `reserve` runs before events are read, with their number. A
     * read that may wait keeps the inbox open for two seconds more once it is answered: see `PollGrace`.
     */
    read<R = never>(
      userId: UserId,
      since: number,
      limit: number,
      wait: number,
      epoch?: string,
      reserve?: (events: number) => Effect.Effect<void, never, R>
    ): Effect.Effect<InboxPage, UserNotFound | Unavailable, R>
  }
>()("minichat/inbox/InboxReader") {
  static readonly layer = Layer.effect(
    InboxReader,
    Effect.gen(function* () {
      const repo = yield* InboxRepo
      const live = yield* LiveInboxes
      const waitBeyond = yield* Waits.make
      const keep = yield* PollGrace.make
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

      const page = Effect.fnUntraced(function* <R>(
        userId: UserId,
        since: number,
        limit: number,
        givenEpoch: string | undefined,
        reserve: ((events: number) => Effect.Effect<void, never, R>) | undefined
      ) {
        const { head, pruned, epoch } = yield* repo.find(userId)
        const bounds = { head, pruned, epoch }
        const isOfHistory = givenEpoch === undefined || givenEpoch === epoch
        if (!isOfHistory || since > head || since < pruned)
          return { events: [], cursor: head, recovered: false, ...bounds }
        if (since === head) return { events: [], cursor: head, recovered: true, ...bounds }
        if (reserve !== undefined) yield* reserve(Math.min(limit, head - since))
        const read = yield* events(userId, since, limit, epoch)
        // Pruned between the two queries: the next read is answered `recovered: false`.
        if (read[0]?.seq !== since + 1) return { events: [], cursor: since, recovered: true, ...bounds }
        return { events: read, cursor: read.at(-1)!.seq, recovered: true, ...bounds }
      })

      // Without a span, which would last as long as the wait does.
      const poll = Effect.fnUntraced(function* <R>(
        userId: UserId,
        since: number,
        wait: number,
        readPage: Effect.Effect<InboxPage, UserNotFound | Unavailable, R>
      ) {
        const first = yield* readPage
        const inbox = yield* live.open(userId)
        if (!first.recovered || first.events.length > 0) return first
        return (yield* waitBeyond(inbox, since, wait)) ? yield* readPage : first
      })

      const read: InboxReader["Service"]["read"] = (userId, since, limit, wait, epoch, reserve) => {
        const readPage = page(userId, since, limit, epoch, reserve)
        if (wait === 0) return readPage
        return Effect.flatMap(Scope.make(), (scope) =>
          Scope.provide(poll(userId, since, wait, readPage), scope).pipe(
            // Whose poll was answered asks again soon. Whose poll was interrupted has hung up.
            Effect.onExit((exit) => (Exit.isSuccess(exit) ? keep(userId, scope) : Scope.close(scope, exit)))
          )
        )
      }

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
