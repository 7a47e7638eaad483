import { Context, Effect, Layer, Result } from "effect"
import type { EventFact } from "../domain/Event.ts"
import type { AnyDraft, Message, SendError } from "../domain/Message.ts"
import type { Appended, Outcome, Sent } from "../domain/Send.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import { EventBuilder, EventKinds } from "../inbox/EventKinds.ts"
import { EventPublisher } from "../inbox/EventPublisher.ts"
import { Metrics, type SendResult } from "../observability/Metrics.ts"
import { span } from "../observability/Spans.ts"
import { OlderNodes } from "../redis/OlderNodes.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { committing, NOT_YET, publishing } from "./Committed.ts"
import { SendQueue } from "./SendQueue.ts"

/** A message that is committed, and whether the receiver is connected, so that a socket or a poll of it is handed the message. */
export interface Delivery {
  readonly message: Message
  readonly delivered: boolean
  /** How many inboxes an event of the message was appended to; 0 for a late repeat. */
  readonly inboxes: number
}

export type Answer = Result.Result<Delivery, SendError | Unavailable>

/** Sends messages: commits them, then publishes their events. */
export class Sends extends Context.Service<
  Sends,
  {
    /**
     * Commits messages, then publishes their events. Answers each draft in its place, after the COMMIT and at most 200 ms
     * later. An interruption waits: what is committed is always published.
     */
    sendAll(drafts: ReadonlyArray<AnyDraft>): Effect.Effect<ReadonlyArray<Answer>>
    /** `sendAll` for one message. */
    send(draft: AnyDraft): Effect.Effect<Delivery, SendError | Unavailable>
  }
>()("minichat/chat/Sends") {
  static readonly layer = Layer.effect(
    Sends,
    Effect.gen(function* () {
      const queue = yield* SendQueue
      const publisher = yield* EventPublisher
      const bus = yield* RedisBus
      const kinds = new EventBuilder(yield* EventKinds)
      const metrics = yield* Metrics
      const olderNodes = yield* OlderNodes

      const isConnected = ({ receiver_id }: Message) =>
        receiver_id === undefined
          ? Effect.succeed(false)
          : Effect.map(bus.followed([receiver_id]), ({ followed }) => followed[0] === true)

      // A repeat is published again while its events are among the latest: the node that committed it may have died before it
      // published them.
      const publish = (draft: AnyDraft, { message, appended }: Sent): Effect.Effect<boolean> => {
        if (appended.length === 0) return isConnected(message)
        const fact = {
          committedAt: Date.parse(message.timestamp),
          message,
          clientId: draft.client_id ?? undefined,
          payload: undefined
        }
        // Two types at most: one for those who received the message, one for its sender.
        const facts: Array<{ readonly fact: EventFact; readonly places: Array<Appended> }> = []
        for (const place of appended) {
          const alike = facts.find(({ fact }) => fact.type === place.type)
          if (alike === undefined) facts.push({ fact: { ...fact, type: place.type }, places: [place] })
          else alike.places.push(place)
        }
        return Effect.map(publisher.publish(facts), (isFollowed) =>
          facts.some(
            ({ fact: { type } }, i) =>
              kinds.reportOf(type) === "message received" && isFollowed[i]!.includes(true)
          )
        )
      }

      const finish = (draft: AnyDraft, outcome: Outcome): Effect.Effect<Answer> => {
        metrics.send(resultOf(outcome))
        // A send that failed as unavailable may be committed all the same.
        const forgetList =
          "receiver_id" in draft ? olderNodes.forgetRecentList(draft.receiver_id) : Effect.void
        if (Result.isFailure(outcome)) return Effect.as(forgetList, Result.fail(outcome.failure))
        const { message, appended } = outcome.success
        return Effect.flatMap(publishing(publish(draft, outcome.success)), (delivered) =>
          Effect.as(forgetList, Result.succeed({ message, delivered, inboxes: appended.length }))
        )
      }

      /** Submits what nodes of release 1.0 can show as well, when such a node runs, and refuses the rest. */
      const submit = (drafts: ReadonlyArray<AnyDraft>) => {
        if (!olderNodes.run()) return queue.submit(drafts)
        const known = drafts.filter(isKnownToOlderNodes)
        const submitted = known.length === 0 ? Effect.succeed([]) : queue.submit(known)
        return Effect.map(submitted, (outcomes) => {
          let next = 0
          return drafts.map((draft) =>
            isKnownToOlderNodes(draft) ? outcomes[next++]! : Result.fail(NOT_YET)
          )
        })
      }

      const sendAll: Sends["Service"]["sendAll"] = (drafts) =>
        committing(Effect.suspend(() => submit(drafts))).pipe(
          Effect.flatMap((outcomes) =>
            // A single draft is finished by its caller's own fiber.
            outcomes.length === 1
              ? Effect.map(finish(drafts[0]!, outcomes[0]!), (answer) => [answer])
              : Effect.forEach(outcomes, (outcome, i) => finish(drafts[i]!, outcome), {
                  concurrency: "unbounded"
                })
          ),
          sending,
          Effect.uninterruptible
        )

      const send = (draft: AnyDraft) =>
        Effect.flatMap(sendAll([draft]), (outcomes) => Effect.fromResult(outcomes[0]!))

      return Sends.of({ sendAll, send })
    })
  )
}

const sending = span("send")

/** Whether a node of release 1.0 shows the message of a draft as it is. */
const isKnownToOlderNodes = (draft: AnyDraft) =>
  "receiver_id" in draft && draft.reply_to_id == null && draft.metadata == null

const resultOf = (outcome: Outcome): SendResult => {
  if (Result.isSuccess(outcome)) return outcome.success.isRepeat ? "repeat" : "sent"
  switch (outcome.failure._tag) {
    case "SenderNotFound":
      return "sender_not_found"
    case "ReceiverNotFound":
      return "receiver_not_found"
    case "ConversationNotFound":
      return "conversation_not_found"
    case "NotMember":
      return "not_member"
    case "Blocked":
      return "blocked"
    case "Suspended":
      return "suspended"
    case "QuoteNotFound":
      return "quote_not_found"
    case "ClientIdConflict":
      return "conflict"
    case "Unavailable":
      return "unavailable"
  }
}
