import { Context, Duration, Effect, Layer } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import { atTicks, monotonicMillis } from "../domain/Timing.ts"
import type { UserId } from "../domain/User.ts"
import { Passing } from "../inbox/Passing.ts"
import { ConversationRepo, type Denied } from "../repo/ConversationRepo.ts"

/** The least time between two `typing` frames of a user in one conversation. In milliseconds. */
const MIN_INTERVAL = Duration.toMillis("1 second")

/** A user counts as typing for this long after its last `typing` frame. Clients apply the same time, so no frame says so. */
const TYPING_LASTS = Duration.toMillis("6 seconds")

/** In how many conversations a user may type at once: with `MIN_INTERVAL` this bounds the queries that one user causes. */
const MAX_AT_ONCE = 5

/** How often expired entries are deleted. */
const DELETE_EVERY = Duration.seconds(1)

/** A user who types in a conversation, or typed there within `MIN_INTERVAL`. */
interface Entry {
  /** The socket of the last `typing` frame. */
  by: object
  sentAt: number
  isTyping: boolean
  /** The members who got the frame, and will get the one that ends the typing. */
  others: ReadonlyArray<UserId>
}

/**
 * Sends who types to the other members of a conversation, by frames without number. A user types for 6 s after its last `typing`
 * frame. The typing ends earlier when the client sends `"typing":false`, when a socket that has sent a `typing` frame sends a message
 * there, and when the socket of the last `typing` frame closes.
 */
export class Typing extends Context.Service<
  Typing,
  {
    /**
     * Handles a `typing` frame of a socket. A begin within a second of the last one, or in a sixth conversation at once, is dropped.
     * An end is sent whenever its begin was.
     */
    update(
      by: object,
      userId: UserId,
      conversationId: ConversationId,
      isTyping: boolean
    ): Effect.Effect<void, Denied>
    /** The user sent a message in the conversation: its typing there ends. */
    sent(userId: UserId, conversationId: ConversationId): Effect.Effect<void>
    /** The socket closed: the typing of its frames ends. */
    leave(by: object, userId: UserId): Effect.Effect<void>
    /** How many entries are kept. */
    readonly size: Effect.Effect<number>
  }
>()("minichat/chat/Typing") {
  static readonly layer = Layer.effect(
    Typing,
    Effect.gen(function* () {
      const passing = yield* Passing
      const repo = yield* ConversationRepo
      const byUser = new Map<UserId, Map<ConversationId, Entry>>()

      const end = (userId: UserId, conversationId: ConversationId, entry: Entry) => {
        if (!entry.isTyping) return Effect.void
        entry.isTyping = false
        return passing.send(entry.others, {
          type: "typing",
          conversation_id: conversationId,
          user_id: userId,
          typing: false
        })
      }

      const begin = Effect.fnUntraced(function* (by: object, userId: UserId, conversationId: ConversationId) {
        const now = yield* monotonicMillis
        const ofUser = byUser.get(userId) ?? new Map<ConversationId, Entry>()
        const known = ofUser.get(conversationId)
        if (known === undefined && ofUser.size >= MAX_AT_ONCE) return
        if (known !== undefined && now - known.sentAt < MIN_INTERVAL) return
        // Set before the query, so that further frames are dropped while the query runs, and after it failed.
        const entry: Entry = {
          by,
          sentAt: now,
          isTyping: known?.isTyping ?? false,
          others: known?.others ?? []
        }
        ofUser.set(conversationId, entry)
        byUser.set(userId, ofUser)
        const others = yield* repo.others(userId, conversationId)
        // The entry expired during the query.
        if (byUser.get(userId)?.get(conversationId) !== entry) return
        entry.others = others
        entry.isTyping = true
        yield* passing.send(others, {
          type: "typing",
          conversation_id: conversationId,
          user_id: userId,
          typing: true
        })
      })

      yield* Effect.map(monotonicMillis, (now) => {
        for (const [userId, ofUser] of byUser) {
          for (const [conversationId, entry] of ofUser) {
            if (now - entry.sentAt >= (entry.isTyping ? TYPING_LASTS : MIN_INTERVAL))
              ofUser.delete(conversationId)
          }
          if (ofUser.size === 0) byUser.delete(userId)
        }
      }).pipe(Effect.repeat(atTicks(DELETE_EVERY)), Effect.forkScoped)

      const sent: Typing["Service"]["sent"] = (userId, conversationId) => {
        const entry = byUser.get(userId)?.get(conversationId)
        return entry === undefined ? Effect.void : end(userId, conversationId, entry)
      }

      return Typing.of({
        update: (by, userId, conversationId, isTyping) =>
          isTyping ? begin(by, userId, conversationId) : sent(userId, conversationId),
        sent,
        leave: (by, userId) =>
          Effect.suspend(() =>
            Effect.forEach(
              [...(byUser.get(userId) ?? [])].filter(([, entry]) => entry.by === by),
              ([conversationId, entry]) => end(userId, conversationId, entry),
              { discard: true }
            )
          ),
        size: Effect.sync(() => byUser.size)
      })
    })
  )
}
