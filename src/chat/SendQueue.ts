import { Context, Effect, Layer, Result } from "effect"
import { SEND_CONNECTIONS } from "../database/RemoteDatabase.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { AnyDraft, Draft, GroupDraft } from "../domain/Message.ts"
import type { Outcome } from "../domain/Send.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { BATCH_EVENTS, type Lane, makeLane, restAfter } from "./SendLane.ts"

/** A group of at most this many members is small. Sends to small groups have one lane, sends to larger groups another. */
const SMALL_GROUP = 64

/**
 * How long the lane of large groups rests after each batch, as a share of the time that the batch took. A batch locks the inboxes of all
 * members; in between, direct sends to them are committed. With 16 clients who send to a group of 1,000 all the time, direct sends
 * to a member then have a p99 of 45 ms instead of 309, and the group gets 8 % fewer messages (bench/README.md, "What comments
 * quote").
 */
const REST = 0.5

/** The sizes of at most this many groups are kept: those of the latest sends. A group of unknown size counts as a large one. */
const KNOWN_GROUPS = 10_000

/**
 * Commits sends in batches. Sends that arrive while a batch is in the database go together in the next one. A send that finds no
 * batch in the database starts one at once; only the lane of large groups also rests after each batch. Direct sends, sends to small
 * groups and sends to large groups have a lane each, so that no direct send is queued behind a message to a group, which may append
 * 1,000 events.
 */
export class SendQueue extends Context.Service<
  SendQueue,
  {
    /**
     * Commits drafts. Returns their outcomes in the order of the drafts. Drafts to one conversation that are submitted together are
     * committed in their order. The caller must not be interrupted between the commit and the publishing that follows.
     */
    submit(drafts: ReadonlyArray<AnyDraft>): Effect.Effect<ReadonlyArray<Outcome>>
  }
>()("minichat/chat/SendQueue") {
  static readonly layer = Layer.effect(
    SendQueue,
    Effect.gen(function* () {
      const repo = yield* MessageRepo
      const sizes = new Map<ConversationId, number>()

      const learnSizes = (drafts: ReadonlyArray<GroupDraft>, outcomes: ReadonlyArray<Outcome>) => {
        for (const [i, outcome] of outcomes.entries()) {
          if (Result.isFailure(outcome) || outcome.success.isRepeat) continue
          const id = drafts[i]!.conversation_id
          sizes.delete(id)
          sizes.set(id, outcome.success.appended.length)
          if (sizes.size > KNOWN_GROUPS) sizes.delete(sizes.keys().next().value!)
        }
      }

      const sizeOf = ({ conversation_id }: GroupDraft) => sizes.get(conversation_id) ?? SMALL_GROUP + 1

      /**
       * How many of these drafts one call has: those up to `BATCH_EVENTS` events, and the first one in any case. Of the drafts to a group
       * whose size is unknown the first call has one, as that may append 1,000 events. `asked` are the groups of earlier calls: what was
       * refused there tells no size, and appends nothing.
       */
      const countOfCall = (drafts: ReadonlyArray<GroupDraft>, asked: ReadonlySet<ConversationId>) => {
        const unknown = new Set<ConversationId>()
        let appended = 0
        for (const [i, draft] of drafts.entries()) {
          const { conversation_id: id } = draft
          appended += sizeOf(draft)
          if (unknown.has(id) || (i > 0 && appended > BATCH_EVENTS)) return i
          if (!sizes.has(id) && !asked.has(id)) unknown.add(id)
        }
        return drafts.length
      }

      /**
       * Commits drafts in calls, one after the other: a call locks the inboxes of all receivers until it commits, and a single submission
       * may have more drafts than one call should.
       */
      const toGroups = (rest: number) =>
        Effect.fnUntraced(function* (drafts: ReadonlyArray<GroupDraft>) {
          const outcomes: Array<Outcome> = []
          const asked = new Set<ConversationId>()
          while (true) {
            const waiting = drafts.slice(outcomes.length)
            const call = waiting.slice(0, countOfCall(waiting, asked))
            const [took, ended] = yield* Effect.timed(repo.sendToGroups(call))
            learnSizes(call, ended)
            for (const { conversation_id } of call) asked.add(conversation_id)
            outcomes.push(...ended)
            const left = waiting.length - call.length
            if (left === 0) return outcomes
            // The database is unavailable: each further call would wait for it as long.
            if (ended.every(isUnavailable))
              return [...outcomes, ...Array.from({ length: left }, () => ended[0]!)]
            yield* restAfter(took, rest)
          }
        })

      const direct = yield* makeLane({ commit: repo.send, connections: SEND_CONNECTIONS, events: () => 2 })
      const smallGroups = yield* makeLane({ commit: toGroups(0), connections: 1, events: sizeOf })
      const largeGroups = yield* makeLane({
        commit: toGroups(REST),
        connections: 1,
        events: sizeOf,
        rest: REST
      })

      const submitMixed = Effect.fnUntraced(function* (drafts: ReadonlyArray<AnyDraft>) {
        const answers = new Map<AnyDraft, Outcome>()
        const send = <D extends AnyDraft>(lane: Lane<D>, mine: ReadonlyArray<D>) =>
          mine.length === 0
            ? Effect.void
            : Effect.map(lane(mine), (outcomes) => {
                for (const [i, draft] of mine.entries()) answers.set(draft, outcomes[i]!)
              })
        // Copies, as `answers` has an object for its key: a caller may submit the same object twice.
        const own = drafts.map((draft) => ({ ...draft }))
        const groups = own.filter((draft): draft is GroupDraft => !isDirect(draft))
        yield* Effect.all(
          [
            send(direct, own.filter(isDirect)),
            send(
              smallGroups,
              groups.filter((draft) => sizeOf(draft) <= SMALL_GROUP)
            ),
            send(
              largeGroups,
              groups.filter((draft) => sizeOf(draft) > SMALL_GROUP)
            )
          ],
          { concurrency: "unbounded" }
        )
        return own.map((draft) => answers.get(draft)!)
      })

      // Most submissions have direct drafts only. They need not be divided among the lanes.
      const submit: SendQueue["Service"]["submit"] = (drafts) =>
        drafts.every(isDirect) ? direct(drafts) : submitMixed(drafts)

      return SendQueue.of({ submit })
    })
  )
}

const isUnavailable = (outcome: Outcome) =>
  Result.isFailure(outcome) && outcome.failure._tag === "Unavailable"

const isDirect = (draft: AnyDraft): draft is Draft => "receiver_id" in draft
