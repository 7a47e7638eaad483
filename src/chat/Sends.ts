import { Context, Duration, Effect, Layer, Option, Result } from "effect"
import { messageEvent, messageJson } from "../domain/Event.ts"
import type { Draft, Message, SendError } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { LiveInboxes } from "../inbox/LiveInboxes.ts"
import { Metrics, type SendResult } from "../observability/Metrics.ts"
import { currentTraceparent, span } from "../observability/Spans.ts"
import { Sessions } from "../presence/Sessions.ts"
import { RedisBus } from "../redis/RedisBus.ts"
import { type HistoryQuery, MessageRepo, type Outcome, type Sent } from "../repo/MessageRepo.ts"
import { RecentMessages } from "./RecentMessages.ts"
import { SendQueue } from "./SendQueue.ts"

/** How long a send that is committed waits for Redis, at most. */
const ANNOUNCE_WITHIN = Duration.millis(100)

/** A message that is committed, and whether a live socket of the receiver was handed it. */
export interface Delivery {
  readonly message: Message
  readonly delivered: boolean
}

export type Answer = Result.Result<Delivery, SendError | Unavailable>

/** Sending and reading messages. */
export class Chat extends Context.Service<
  Chat,
  {
    /**
     * Commits messages, then tells the live sockets and the cache. Answers each draft in its place, after the
     * COMMIT and at most 100 ms later; when Redis did not confirm it, after one more statement that writes that
     * down. An interruption waits: what is committed is always told.
     */
    sendAll(drafts: ReadonlyArray<Draft>): Effect.Effect<ReadonlyArray<Answer>>
    /** `sendAll` for one message. */
    send(draft: Draft): Effect.Effect<Delivery, SendError | Unavailable>
    /** Messages that a user sent or received, newest first. */
    history(query: HistoryQuery): Effect.Effect<ReadonlyArray<Message>, Unavailable>
    /** The latest messages that a user received, newest first: a JSON array, in UTF-8. */
    recent(userId: UserId): Effect.Effect<Buffer, Unavailable>
  }
>()("minichat/chat/Chat") {
  static readonly layer = Layer.effect(
    Chat,
    Effect.gen(function* () {
      const queue = yield* SendQueue
      const repo = yield* MessageRepo
      const bus = yield* RedisBus
      const liveInboxes = yield* LiveInboxes
      const recentMessages = yield* RecentMessages
      const sessions = yield* Sessions
      const metrics = yield* Metrics

      // A repeat is announced again while that is possible: the node that committed it may have died before it did.
      const announce = Effect.fnUntraced(function* (draft: Draft, { message, isRepeat, seqs }: Sent) {
        const { receiver_id, sender_id } = message
        if (seqs === undefined) {
          const presence = yield* Effect.timeoutOption(sessions.presence(receiver_id), ANNOUNCE_WITHIN)
          return { message, delivered: Option.exists(presence, ({ connections }) => connections > 0) }
        }
        const json = messageJson(message)
        const traceparent = yield* currentTraceparent
        const notices = [
          { userId: receiver_id, event: messageEvent("message", seqs.receiver, json) },
          {
            userId: sender_id,
            event: messageEvent("message_sent", seqs.sender, json, draft.client_id ?? null)
          }
        ]
        for (const notice of notices) liveInboxes.offer(notice, traceparent)
        // Sent in one turn and waited for together, without a fiber for each.
        const heard = yield* bus.publish(notices, traceparent)
        yield* isRepeat ? recentMessages.forget(receiver_id) : recentMessages.push(receiver_id, json)
        const [delivered] = yield* heard
        return { message, delivered: delivered === true }
      })

      const finish = (draft: Draft, outcome: Outcome): Effect.Effect<Answer> => {
        metrics.send(resultOf(outcome))
        if (Result.isSuccess(outcome)) {
          return Effect.map(publishing(announce(draft, outcome.success)), Result.succeed)
        }
        const answer = Effect.succeed(Result.fail(outcome.failure))
        // It may be committed all the same, and then it is missing where nobody will push it.
        return outcome.failure._tag === "Unavailable"
          ? Effect.andThen(recentMessages.forget(draft.receiver_id), answer)
          : answer
      }

      const sendAll: Chat["Service"]["sendAll"] = (drafts) =>
        committing(queue.submit(drafts)).pipe(
          Effect.flatMap((outcomes) =>
            // One needs no fiber beside its caller's.
            Effect.forEach(outcomes, (outcome, i) => finish(drafts[i]!, outcome), {
              concurrency: outcomes.length === 1 ? 1 : "unbounded"
            })
          ),
          sending,
          Effect.uninterruptible
        )

      const send = (draft: Draft) =>
        Effect.flatMap(sendAll([draft]), (outcomes) => Effect.fromResult(outcomes[0]!))

      return Chat.of({ sendAll, send, history: repo.history, recent: recentMessages.list })
    })
  )
}

const sending = span("send")
const committing = span("commit")
const publishing = span("publish", { kind: "producer" })

const resultOf = (outcome: Outcome): SendResult => {
  if (Result.isSuccess(outcome)) return outcome.success.isRepeat ? "repeat" : "sent"
  switch (outcome.failure._tag) {
    case "SenderNotFound":
      return "sender_not_found"
    case "ReceiverNotFound":
      return "receiver_not_found"
    case "ClientIdConflict":
      return "conflict"
    case "Unavailable":
      return "unavailable"
  }
}
