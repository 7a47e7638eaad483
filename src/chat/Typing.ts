import { Clock, Context, Duration, Effect, Layer, Schedule } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
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

/** That a user types in a conversation, or typed there a moment ago. */
interface Entry {
  /** The socket that said so last. */
  by: object
  toldAt: number
  isTyping: boolean
  /** The members who got the frame: they also get the one that ends it. */
  others: ReadonlyArray<UserId>
}

/**
 * Tells the other members of a conversation who types, in passing. A user types for 6 s after its last `typing` frame. It ends
 * earlier when its client says so, when a message is sent there over a socket of this node, and when the socket that said it closes.
 */
export class Typing extends Context.Service<
  Typing,
  {
    /**
     * Handles a `typing` frame. One within a second of the last, or for a sixth conversation at once, is dropped. The end of typing
     * that was published is always published.
     */
    tell(
      by: object,
      userId: UserId,
      conversationId: ConversationId,
      isTyping: boolean
    ): Effect.Effect<void, Denied>
    /** A message of the user was sent in the conversation: typing there ends. */
    sent(userId: UserId, conversationId: ConversationId): Effect.Effect<void>
    /** The socket closed: the typing that it told of ends. */
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
        const now = yield* Clock.currentTimeMillis
        const ofUser = byUser.get(userId) ?? new Map<ConversationId, Entry>()
        const known = ofUser.get(conversationId)
        if (known === undefined && ofUser.size >= MAX_AT_ONCE) return
        if (known !== undefined && now - known.toldAt < MIN_INTERVAL) return
        // Entered before the query, so that further frames are dropped while it runs, and also when it fails.
        const entry: Entry = { by, toldAt: now, isTyping: false, others: known?.others ?? [] }
        ofUser.set(conversationId, entry)
        byUser.set(userId, ofUser)
        const others = yield* repo.others(userId, conversationId)
        // The query took so long that the entry was forgotten.
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

      yield* Effect.map(Clock.currentTimeMillis, (now) => {
        for (const [userId, ofUser] of byUser) {
          for (const [conversationId, entry] of ofUser) {
            if (now - entry.toldAt >= (entry.isTyping ? TYPING_LASTS : MIN_INTERVAL))
              ofUser.delete(conversationId)
          }
          if (ofUser.size === 0) byUser.delete(userId)
        }
      }).pipe(Effect.repeat(Schedule.spaced(DELETE_EVERY)), Effect.forkScoped)

      const sent: Typing["Service"]["sent"] = (userId, conversationId) => {
        const entry = byUser.get(userId)?.get(conversationId)
        return entry === undefined ? Effect.void : end(userId, conversationId, entry)
      }

      return Typing.of({
        tell: (by, userId, conversationId, isTyping) =>
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
