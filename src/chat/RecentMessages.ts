import { Context, Duration, Effect, Layer } from "effect"
import { type JsonBytes, jsonBytes } from "../domain/JsonBytes.ts"
import type { Message } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { VERSION } from "../domain/Version.ts"
import { Epoch } from "../Epoch.ts"
import { OlderNodes } from "../redis/OlderNodes.ts"
import { Redis } from "../redis/Redis.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"

/** How many messages an answer holds, at most. */
export const RECENT_MESSAGES = 50

/** How long an answer is kept. In milliseconds. */
const KEEP_FOR = Duration.toMillis(Duration.hours(24))

/** How many answers the memory layer keeps; past that the oldest is deleted and made anew when it is asked for. */
const MEMORY_ANSWERS = 10_000

/** How many bytes they have together, at most. */
const MEMORY_BYTES = 64 * 1024 * 1024

/** Up to 50 received messages, newest first, as they go out. */
type Page = JsonBytes<{ readonly messages: ReadonlyArray<Message> }>

/** The latest messages of a user, and the head of the inbox that they were read at. */
export interface RecentAnswer {
  /** `undefined` for a user that does not exist. */
  readonly head: number | undefined
  readonly page: Page
}

/**
 * The latest messages that each user received, cached.
 *
 * Guarantee: an answer is what the database says at that moment. Everything that changes the list is an event of the user's
 * inbox, so a cached answer holds exactly as long as the head that it was made at. Every read asks the database for the head:
 * an answer that Redis lost, kept too long or never got is made anew.
 */
export class RecentMessages extends Context.Service<
  RecentMessages,
  {
    list(userId: UserId): Effect.Effect<RecentAnswer, Unavailable>
    /**
     * Deletes the cached answers of users, of this release and of nodes of 1.0 that run. Answers whether those of this release are
     * deleted: not while Redis is unavailable.
     */
    forget(userIds: ReadonlyArray<UserId>): Effect.Effect<boolean>
  }
>()("minichat/chat/RecentMessages") {
  static readonly layer = Layer.effect(
    RecentMessages,
    Effect.gen(function* () {
      const redis = yield* Redis
      const olderNodes = yield* OlderNodes
      // Another release may answer with other fields.
      const keyOf = ({ epoch, userId }: Place) =>
        `${redis.prefix}${epoch}:user:${userId}:recent-page:${VERSION}`
      return yield* make({
        // Asked for before the head is, so that both are on their way at once.
        get: (place) =>
          Effect.map(
            redis.start((connection) => connection.getBuffer(keyOf(place))),
            Effect.match({
              onFailure: () => undefined,
              onSuccess: (value) => (value === null ? undefined : decode(value))
            })
          ),
        // No caller waits for the reply: an answer that is not kept is made anew.
        set: (place, entry) =>
          Effect.asVoid(
            redis.start((connection) => connection.set(keyOf(place), encode(entry), "PX", KEEP_FOR))
          ),
        delete: (places) =>
          redis
            .run((connection) => Promise.all(places.map((place) => connection.del(keyOf(place)))))
            .pipe(
              Effect.match({ onFailure: () => false, onSuccess: () => true }),
              Effect.tap(
                Effect.forEach(places, ({ userId }) => olderNodes.forgetRecentList(userId), {
                  concurrency: "unbounded",
                  discard: true
                })
              )
            )
      })
    })
  )

  static readonly layerMemory = Layer.effect(
    RecentMessages,
    Effect.suspend(() => {
      const entries = new Map<string, Entry>()
      let bytes = 0
      const keyOf = ({ epoch, userId }: Place) => `${epoch} ${userId}`
      const remove = (key: string) => {
        bytes -= entries.get(key)?.page.length ?? 0
        entries.delete(key)
      }
      return make({
        get: (place) => Effect.succeed(Effect.sync(() => entries.get(keyOf(place)))),
        set: (place, entry) =>
          Effect.sync(() => {
            remove(keyOf(place))
            entries.set(keyOf(place), entry)
            bytes += entry.page.length
            while (entries.size > MEMORY_ANSWERS || bytes > MEMORY_BYTES) remove(entries.keys().next().value!)
          }),
        delete: (places) =>
          Effect.sync(() => {
            for (const place of places) remove(keyOf(place))
            return true
          })
      })
    })
  )
}

/** Where an answer is kept: heads of two epochs have nothing to do with each other. */
interface Place {
  readonly epoch: string
  readonly userId: UserId
}

/** A cached answer. */
interface Entry {
  readonly head: number
  readonly page: Page
}

interface AnswerCache {
  /** Asks for an answer; the effect that it answers waits for it. `undefined` when there is none, or the cache fails. */
  readonly get: (place: Place) => Effect.Effect<Effect.Effect<Entry | undefined>>
  readonly set: (place: Place, entry: Entry) => Effect.Effect<void>
  /** Answers whether they are deleted. */
  readonly delete: (places: ReadonlyArray<Place>) => Effect.Effect<boolean>
}

const make = Effect.fnUntraced(function* (cache: AnswerCache) {
  const inboxes = yield* InboxRepo
  const repo = yield* MessageRepo
  const epoch = yield* Epoch

  const list = Effect.fnUntraced(function* (userId: UserId): Effect.fn.Return<RecentAnswer, Unavailable> {
    const place = { epoch: epoch.current(), userId }
    const asked = yield* cache.get(place)
    const bounds = yield* inboxes.bounds(userId)
    const cached = yield* asked
    if (cached !== undefined && cached.head === bounds?.head && place.epoch === bounds.epoch) return cached
    const { head, messages } = yield* repo.received(userId, RECENT_MESSAGES)
    const answer = { head, page: jsonBytes({ messages }) }
    if (head !== undefined) yield* cache.set(place, { ...answer, head })
    return answer
  })

  const forget = (userIds: ReadonlyArray<UserId>) =>
    Effect.suspend(() => cache.delete(userIds.map((userId) => ({ epoch: epoch.current(), userId }))))

  return RecentMessages.of({ list, forget })
})

const LINE_FEED = 10

/** `head LF page`: the head is read without parsing the page. */
const encode = ({ head, page }: Entry) => Buffer.concat([Buffer.from(`${head}\n`, "latin1"), page])

const decode = (value: Buffer): Entry | undefined => {
  const end = value.indexOf(LINE_FEED)
  const head = end > 0 ? Number(value.toString("latin1", 0, end)) : Number.NaN
  return Number.isSafeInteger(head) ? { head, page: value.subarray(end + 1) } : undefined
}
