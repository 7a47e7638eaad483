import { Context, Duration, Effect, Layer, Random, Schedule } from "effect"
import { Redis } from "../bus/Redis.ts"
import { messageJson } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"
import { StaleListRepo } from "../repo/StaleListRepo.ts"
import { BEGIN_FILL, BEING_FILLED, FILL, PUSH, RENDER } from "./RecentListScripts.ts"

/** How many messages an answer holds, at most. */
const SHOWN = 50

/** How many messages a list keeps. */
const KEPT = 100

const KEEP_FOR = Duration.hours(24)

/** How long a reader may take to fill a list that is cold. */
const FILL_FOR = Duration.seconds(10)

/** How many lists are deleted at once. */
const DROP_CONCURRENCY = 100

/** How long a node rests between two looks for lists that are marked: about so long they may show what lacks a message. */
const MEND_INTERVAL = Duration.millis(250)

/** How many marked lists are read at once. */
const MEND_BATCH = 1000

/** How many lists a node remembers that neither Redis nor the database took word of. */
const SUSPECTS = 10_000

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
    /** Drops what is cached for a user: it may lack a message. Takes 100 ms at the most, and never fails. */
    forget(userId: UserId): Effect.Effect<void>
    /** Up to 50 received messages, newest first: a JSON array, in UTF-8. */
    list(userId: UserId): Effect.Effect<Buffer, Unavailable>
  }
>()("minichat/chat/RecentMessages") {
  static readonly layer = Layer.effect(
    RecentMessages,
    Effect.gen(function* () {
      const { run, gather, script, isUp, outages, prefix } = yield* Redis
      const fromDatabase = received(yield* MessageRepo)
      const staleLists = yield* StaleListRepo
      const keysOf = (userId: UserId): [list: string, answer: string] => {
        const list = `${prefix}user:${userId}:recent_messages`
        // In a cluster, what is in braces tells the shard: it is that of the list.
        return [list, `${prefix}{${list}}:json`]
      }

      // Lists that may lack a message, as far as this node knows. Only a confirmed DEL takes one off.
      const stale = new Map<UserId, object>()
      // Those among them that no other node can know of: the database was not told, or did not take it.
      const untold = new Set<UserId>()

      const suspect = (userId: UserId) => {
        // Past the bound both Redis and the database have been away for long. What the database may have committed all
        // the same was under way when it went, and stands among the first.
        if (stale.size >= SUSPECTS && !stale.has(userId)) return
        stale.set(userId, {})
        untold.add(userId)
      }

      /** Tells other nodes of a list, now or, when the database does not take it, in the next round of mending. */
      const tell = (userId: UserId) =>
        Effect.matchCause(staleLists.mark(userId), {
          onSuccess: () => {
            untold.delete(userId)
            // After an outage no list is read before all that are marked are deleted: this one need not be remembered.
            if (!isUp()) stale.delete(userId)
          },
          onFailure: () => {}
        })

      /** Deletes a list, which is not read meanwhile. Whether it is deleted for sure. */
      const drop = (userId: UserId) =>
        Effect.suspend(() => {
          const mark = stale.get(userId) ?? {}
          if (stale.size < SUSPECTS) stale.set(userId, mark)
          return Effect.match(
            run(async (redis) => {
              const [list, answer] = keysOf(userId)
              // Each by itself: a command may not find both while a shard moves. The list first: of a list that is still
              // there, the answer could be made again.
              await redis.del(list)
              await redis.del(answer)
            }),
            {
              onSuccess: () => {
                // What was suspected meanwhile is for a message that this deletion may have come too early for.
                if (stale.get(userId) === mark) {
                  stale.delete(userId)
                  untold.delete(userId)
                }
                return true
              },
              onFailure: () => false
            }
          )
        })

      const forget = (userId: UserId) =>
        Effect.suspend(() => {
          suspect(userId)
          return Effect.asVoid(drop(userId))
        })

      // Which outage it was after which all lists were deleted that were marked by then. A list from before the last
      // outage may lack what was committed during it.
      let mended = -1
      const isTrusted = () => isUp() && mended === outages()

      /** Deletes the lists that are marked, page by page; whether all of them are deleted. */
      const dropMarked = (after: number): Effect.Effect<boolean, Unavailable> =>
        Effect.gen(function* () {
          const lists = yield* staleLists.marked(after, MEND_BATCH)
          const dropped = yield* Effect.forEach(lists, ({ userId }) => drop(userId), {
            concurrency: DROP_CONCURRENCY
          })
          const deleted = lists.filter((_, i) => dropped[i])
          if (deleted.length > 0) yield* staleLists.unmark(deleted)
          const isRestDeleted = lists.length < MEND_BATCH || (yield* dropMarked(lists.at(-1)!.userId))
          return isRestDeleted && deleted.length === lists.length
        })

      let failed = false
      const mend = Effect.gen(function* () {
        const outage = outages()
        if (isUp()) yield* Effect.forEach([...stale.keys()], drop, { concurrency: DROP_CONCURRENCY })
        yield* Effect.forEach([...untold], tell, { concurrency: "unbounded", discard: true })
        if (isUp() && (yield* dropMarked(0))) mended = outage
        failed = false
      }).pipe(
        // While the database is away there is nobody to ask. It goes on when it is back.
        Effect.catchTag("Unavailable", () => Effect.void),
        Effect.catchCause((cause) =>
          Effect.suspend(() => {
            if (failed) return Effect.void
            failed = true
            return Effect.logWarning("Recent lists that may be stale could not be looked for", cause)
          })
        )
      )
      yield* mend
      yield* mend.pipe(Effect.repeat(Schedule.spaced(MEND_INTERVAL)), Effect.forkScoped)

      const pushAll = script<ReadonlyArray<number>>(PUSH)
      const startPush = gather((redis, gathered: ReadonlyArray<Pushed>) =>
        pushAll(
          redis,
          gathered.flatMap(({ userId }) => keysOf(userId)),
          [KEPT, ...gathered.flatMap(({ json }) => [json, idOf(json)])]
        )
      )

      const push: RecentMessages["Service"]["push"] = (userId, json) =>
        Effect.flatten(startPush({ userId, json })).pipe(
          Effect.asVoid,
          // It is deleted by whoever reads it, or by the loop above: a send waits for Redis once.
          Effect.catch(() => {
            suspect(userId)
            return tell(userId)
          })
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
        if (!isTrusted()) return yield* uncached(userId)
        if (stale.has(userId)) {
          yield* drop(userId)
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

      return RecentMessages.of({ push, forget, list })
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

      const forget = (userId: UserId) => Effect.sync(() => void lists.delete(userId))

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
