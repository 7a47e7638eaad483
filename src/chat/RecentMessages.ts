import { Context, Duration, Effect, Layer, Random } from "effect"
import { messageJson } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { Redis } from "../redis/Redis.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { BEGIN_FILL, BEING_FILLED, FILL, PUSH, RENDER } from "./RecentListScripts.ts"
import * as StaleLists from "./StaleLists.ts"

/** How many messages an answer holds, at most. */
const SHOWN = 50

/** How many messages a list keeps. */
const KEPT = 100

/** How long a list is kept after it was filled. */
export const KEEP_FOR = Duration.hours(24)

/** How long a reader may take to fill a list that is cold. */
const FILL_FOR = Duration.seconds(10)

/**
 * The latest messages that each user received, cached.
 *
 * Guarantee: an answer is what the database says. A push that Redis did not confirm marks the list in the database,
 * before it is over; this node does not read the list again until it is deleted, and whichever node reaches Redis deletes
 * it, about a quarter of a second later. While Redis is away, and until no list of that time is left, the database answers.
 */
export class RecentMessages extends Context.Service<
  RecentMessages,
  {
    /**
     * Tells the cache about a message that is committed. Takes 100 ms at the most, and a statement more when Redis
     * does not confirm it; never fails.
     */
    push(userId: UserId, json: string): Effect.Effect<void>
    /**
     * Drops what is cached for a user: it may lack a message. Takes 100 ms at the most, and never fails. Answers whether
     * it is gone for sure; else it is dropped later.
     */
    forget(userId: UserId): Effect.Effect<boolean>
    /** Up to 50 received messages, newest first: a JSON array, in UTF-8. */
    list(userId: UserId): Effect.Effect<Buffer, Unavailable>
  }
>()("minichat/chat/RecentMessages") {
  static readonly layer = Layer.effect(
    RecentMessages,
    Effect.gen(function* () {
      const { run, batched, script, prefix } = yield* Redis
      const fromDatabase = received(yield* MessageRepo)
      const keysOf = (userId: UserId): [list: string, answer: string] => {
        const list = `${prefix}user:${userId}:recent_messages`
        // In a cluster, what is in braces tells the shard: it is that of the list.
        return [list, `${prefix}{${list}}:json`]
      }

      const staleLists = yield* StaleLists.make((userId) =>
        run(async (redis) => {
          const [list, answer] = keysOf(userId)
          // Each by itself: a command may not find both while a shard moves. The list first: of a list that is still
          // there, the answer could be made again.
          await redis.del(list)
          await redis.del(answer)
        })
      )

      const pushAll = script<ReadonlyArray<number>>(PUSH)
      const startPush = batched((redis, gathered: ReadonlyArray<Pushed>) =>
        pushAll(
          redis,
          gathered.flatMap(({ userId }) => keysOf(userId)),
          [KEPT, ...gathered.flatMap(({ json }) => [json, idOf(json)])]
        )
      )

      const push: RecentMessages["Service"]["push"] = (userId, json) =>
        Effect.flatten(startPush({ userId, json })).pipe(
          Effect.asVoid,
          // Not deleted here: a send waits for Redis once.
          Effect.catch(() => staleLists.mark(userId))
        )

      const beginFill = script<0 | 1>(BEGIN_FILL)
      const endFill = script<0 | 1>(FILL)
      const fill = Effect.fnUntraced(function* (userId: UserId) {
        const keys = keysOf(userId)
        const token = `fill:${yield* Random.nextInt}`
        const started = yield* run((redis) =>
          beginFill(redis, keys, [token, Duration.toMillis(FILL_FOR)])
        ).pipe(Effect.orElseSucceed(() => 0))
        const messages = yield* fromDatabase(userId, KEPT)
        if (started === 1) {
          yield* Effect.ignore(
            run((redis) => endFill(redis, keys, [token, KEPT, Duration.toMillis(KEEP_FOR), ...messages]))
          )
        }
        return arrayOf(messages.slice(0, SHOWN))
      })

      const uncached = (userId: UserId) => Effect.map(fromDatabase(userId, SHOWN), arrayOf)

      const render = script<string | null>(RENDER)
      const list = Effect.fnUntraced(function* (userId: UserId) {
        if (!staleLists.mayRead()) return yield* uncached(userId)
        if (staleLists.has(userId)) {
          yield* staleLists.drop(userId)
          return yield* uncached(userId)
        }
        const keys = keysOf(userId)
        const cached = yield* run(async (redis) => {
          const answer = await redis.getBuffer(keys[1])
          return answer ?? (await render(redis, keys, [SHOWN]))
        }).pipe(Effect.orElseSucceed(() => null))
        if (cached === null) return yield* fill(userId)
        if (cached === BEING_FILLED) return yield* uncached(userId)
        return typeof cached === "string" ? Buffer.from(cached) : cached
      })

      return RecentMessages.of({ push, forget: staleLists.forget, list })
    })
  )

  static readonly layerMemory = Layer.effect(
    RecentMessages,
    Effect.gen(function* () {
      const fromDatabase = received(yield* MessageRepo)
      const lists = new Map<UserId, { readonly texts: Array<string>; isFilled: boolean }>()

      const push = (userId: UserId, json: string) =>
        Effect.sync(() => {
          const texts = lists.get(userId)?.texts
          if (texts === undefined) return
          insert(texts, json)
          texts.length = Math.min(texts.length, KEPT)
        })

      const texts = Effect.fnUntraced(function* (userId: UserId) {
        const kept = lists.get(userId)
        if (kept?.isFilled) return kept.texts.slice(0, SHOWN)
        if (kept !== undefined) return yield* fromDatabase(userId, SHOWN)
        // Pushes of the time in between land in this list; each is in the answer too, or it is newer.
        const filling = { texts: [] as Array<string>, isFilled: false }
        lists.set(userId, filling)
        const messages = yield* fromDatabase(userId, KEPT).pipe(
          Effect.onError(() => Effect.sync(() => lists.delete(userId)))
        )
        for (const json of messages) insert(filling.texts, json)
        filling.isFilled = true
        if (lists.size > MEMORY_LISTS) lists.delete(lists.keys().next().value!)
        return filling.texts.slice(0, SHOWN)
      })

      const list = (userId: UserId) => Effect.map(texts(userId), arrayOf)

      const forget = (userId: UserId) =>
        Effect.sync(() => {
          lists.delete(userId)
          return true
        })

      return RecentMessages.of({ push, forget, list })
    })
  )
}

/** What a list holds, or would. */
const received = (repo: MessageRepo["Service"]) => (userId: UserId, limit: number) =>
  Effect.map(repo.received(userId, limit), (messages) => messages.map(messageJson))

interface Pushed {
  readonly userId: UserId
  readonly json: string
}

/** How many users' lists the memory layer keeps; past that the oldest goes and is read anew when asked for. */
const MEMORY_LISTS = 10_000

const arrayOf = (texts: ReadonlyArray<string>) => Buffer.from(`[${texts.join(",")}]`)

const ID_AT = '{"id":'.length

const idOf = (json: string) => Number.parseInt(json.slice(ID_AT, ID_AT + 20), 10)

/** Puts a message in its place among others, newest first, if it is not there. */
const insert = (texts: Array<string>, json: string): void => {
  const id = idOf(json)
  const place = texts.findIndex((other) => idOf(other) <= id)
  if (place === -1) texts.push(json)
  else if (texts[place] !== json) texts.splice(place, 0, json)
}
