import { Context, Duration, Effect, Layer, PubSub, Random, Schedule } from "effect"
import { Redis } from "../bus/Redis.ts"
import { messageJson } from "../domain/Event.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { MessageRepo } from "../repo/MessageRepo.ts"

/** How many messages an answer holds, at most. */
const SHOWN = 50

/** How many messages a list keeps. */
const KEPT = 100

const KEEP_FOR = Duration.hours(24)

/** How long a reader may take to fill a list that is cold. */
const FILL_FOR = Duration.seconds(10)

/** How many lists are deleted at once. */
const FORGET_CONCURRENCY = 100

/**
 * After Redis was away, other nodes may not have deleted yet what they could not push meanwhile. Answers come
 * from the database until they have.
 */
const DISTRUST_FOR = Duration.seconds(3)

/**
 * The latest messages that each user received, cached.
 *
 * Guarantee: an answer is what the database says. A push that Redis did not confirm deletes the list before this
 * node reads it again, and before others do once Redis takes commands; while it is away the database answers.
 */
export class RecentMessages extends Context.Service<
  RecentMessages,
  {
    /** Tells the cache about a message that is committed. Takes 100 ms at the most, and never fails. */
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
      const { run, gather, script, isUp, recoveries, prefix } = yield* Redis
      const repo = yield* MessageRepo
      const keysOf = (userId: UserId): [list: string, answer: string] => {
        const list = `${prefix}user:${userId}:recent_messages`
        // In a cluster, what is in braces tells the shard: it is that of the list.
        return [list, `${prefix}{${list}}:json`]
      }

      // Lists that lack a message as far as this node knows. Only a confirmed DEL takes one off.
      const stale = new Map<UserId, object>()
      let distrusted = false

      const forget = (userId: UserId) =>
        Effect.suspend(() => {
          const mark = {}
          stale.set(userId, mark)
          // A later mark is for a message that this deletion may have come too early for.
          return Effect.map(
            run(async (redis) => {
              const [list, answer] = keysOf(userId)
              // Each by itself: a command may not find both while a shard moves. The list first: of a list that is still
              // there, the answer could be made again.
              await redis.del(list)
              await redis.del(answer)
            }),
            () => stale.get(userId) === mark && stale.delete(userId)
          )
        }).pipe(Effect.ignore)

      const forgetStale = Effect.suspend(() =>
        Effect.forEach(isUp() ? [...stale.keys()] : [], forget, {
          concurrency: FORGET_CONCURRENCY,
          discard: true
        })
      )
      const recovered = yield* recoveries
      yield* PubSub.take(recovered).pipe(
        Effect.tap(() => Effect.sync(() => (distrusted = true))),
        Effect.andThen(forgetStale),
        Effect.andThen(Effect.sleep(DISTRUST_FOR)),
        Effect.andThen(Effect.sync(() => (distrusted = false))),
        Effect.forever,
        Effect.forkScoped
      )
      yield* forgetStale.pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)

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
          // It is deleted by whoever reads it, or by the loop above: a send waits for Redis once.
          Effect.catch(() => Effect.sync(() => stale.set(userId, {}))),
          Effect.asVoid
        )

      const fromDatabase = (userId: UserId, limit: number) =>
        Effect.map(repo.received(userId, limit), (messages) => messages.map(messageJson))

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
        if (!isUp() || distrusted) return yield* uncached(userId)
        if (stale.has(userId)) {
          yield* forget(userId)
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
      const repo = yield* MessageRepo
      const lists = new Map<UserId, { readonly texts: Array<string>; isFilled: boolean }>()

      const push = (userId: UserId, json: string) =>
        Effect.sync(() => {
          const texts = lists.get(userId)?.texts
          if (texts === undefined) return
          insert(texts, json)
          texts.length = Math.min(texts.length, KEPT)
        })

      const fromDatabase = (userId: UserId, limit: number) =>
        Effect.map(repo.received(userId, limit), (messages) => messages.map(messageJson))

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

/** `idOf`, where the lists are. */
const ID_OF = `local function idOf(json) return tonumber(string.match(json, '^{"id":(%d+)')) end`

// KEYS are a user's list and the answer that was made of it, which goes whenever the list changes.

// Takes many users' keys; ARGV: how many messages a list keeps, then the message and its id for each user. A list is
// newest first, always. Pushes of different nodes may arrive in another order than that of the ids; one that comes
// too late for its place deletes the list, unless it was filled with that message already.
const PUSH = `${ID_OF}
local kept = tonumber(ARGV[1])
local function push(list, answer, json, id)
  redis.call('DEL', answer)
  local newest = redis.call('LINDEX', list, 0)
  if not newest then return 0 end
  local newestId = idOf(newest)
  if newestId and newestId >= id then
    if not redis.call('LPOS', list, json) then redis.call('DEL', list) end
    return 0
  end
  if redis.call('LPUSH', list, json) > kept then redis.call('LTRIM', list, 0, kept - 1) end
  return 1
end
local pushed = {}
for i = 1, #KEYS / 2 do
  pushed[i] = push(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i], tonumber(ARGV[2 * i + 1]))
end
return pushed`

const BEING_FILLED = ""

// Answers with the newest ARGV[1] messages, and keeps that answer for as long as the list is kept; a Redis that has no
// room for it answers all the same. Nothing for a list that there is not.
const RENDER = `
local messages = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #messages == 0 then return false end
if string.sub(messages[#messages], 1, 5) == 'fill:' then return '${BEING_FILLED}' end
local answer = '[' .. table.concat(messages, ',') .. ']'
redis.pcall('SET', KEYS[2], answer, 'PX', redis.call('PTTL', KEYS[1]))
return answer`

// A list is filled in two steps, around the query: a token claims the empty key first, so that pushes from then
// on find a list and are kept; then the rows go below what was pushed, without those that were. A list that was
// deleted meanwhile has lost the token, and is not filled; nor is one to which an older message was pushed than a
// row whose push is still to come.
// ARGV: the token, and for how many milliseconds it holds the key.
const BEGIN_FILL = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1`

// ARGV: the token, how many messages a list keeps and for how many milliseconds, then the rows, newest first.
const FILL = `${ID_OF}
if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('RPOP', KEYS[1])
local pushed = {}
local oldest
for _, json in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  pushed[json] = true
  oldest = idOf(json)
end
for i = 4, #ARGV do
  if not pushed[ARGV[i]] then
    if oldest and idOf(ARGV[i]) > oldest then
      redis.call('DEL', KEYS[1])
      return 0
    end
    redis.call('RPUSH', KEYS[1], ARGV[i])
  end
end
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`
