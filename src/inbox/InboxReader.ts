import { Context, Duration, Effect, Layer } from "effect"
import type { InboxEvent } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { Lifecycle } from "../Lifecycle.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import type { LiveInbox } from "./LiveInbox.ts"
import { LiveInboxes } from "./LiveInboxes.ts"

/** A part of an inbox, in order and without gap. */
export interface InboxPage {
  readonly events: ReadonlyArray<InboxEvent>
  /** The `since` of the next read. */
  readonly cursor: number
  /** False when `since` cannot be served: then there are no events and the cursor is the head. */
  readonly recovered: boolean
}

/** Reading inboxes without a socket. */
export class Inboxes extends Context.Service<
  Inboxes,
  {
    /**
     * The events after `since`, at most `limit`. When there are none, waits up to `wait` seconds for one; what is
     * committed while it waits is answered at once. A node that drains lets nobody wait.
     */
    read(
      userId: UserId,
      since: number,
      limit: number,
      wait: number
    ): Effect.Effect<InboxPage, UserNotFound | Unavailable>
  }
>()("minichat/chat/Inboxes") {
  static readonly layer = Layer.effect(
    Inboxes,
    Effect.gen(function* () {
      const repo = yield* InboxRepo
      const live = yield* LiveInboxes
      const lifecycle = yield* Lifecycle

      const page = Effect.fnUntraced(function* (userId: UserId, since: number, limit: number) {
        const { head, pruned } = yield* repo.find(userId)
        if (since > head || since < pruned) return { events: [], cursor: head, recovered: false }
        if (since === head) return { events: [], cursor: head, recovered: true }
        const events = yield* repo.page(userId, since, limit)
        // Pruned between the two queries: the next read is told so.
        if (events[0]?.seq !== since + 1) return { events: [], cursor: since, recovered: true }
        return { events, cursor: events.at(-1)!.seq, recovered: true }
      })

      const read = Effect.fn("Inboxes.read")(function* (
        userId: UserId,
        since: number,
        limit: number,
        wait: number
      ) {
        const first = yield* page(userId, since, limit)
        if (wait === 0 || !first.recovered || first.events.length > 0) return first
        const advanced = yield* live.open(userId).pipe(
          Effect.flatMap((inbox) => headBeyond(inbox, since)),
          Effect.scoped,
          Effect.raceFirst(lifecycle.drains),
          Effect.timeoutOption(Duration.seconds(wait))
        )
        return advanced._tag === "None" ? first : yield* page(userId, since, limit)
      })

      return Inboxes.of({ read })
    })
  )
}

const headBeyond = (inbox: LiveInbox, seq: number) =>
  Effect.callback<void>((resume) => {
    const check = () => {
      if (inbox.head <= seq) return
      unfollow()
      resume(Effect.void)
    }
    const unfollow = inbox.follow(check)
    check()
    return Effect.sync(unfollow)
  })
