import { Clock, Deferred, Effect, FiberSet, Semaphore } from "effect"
import type { Message } from "../domain/Message.ts"
import type { Command, OutboxEntry } from "./Command.ts"
import type { Connection } from "./Connection.ts"
import type { Execute } from "./Execute.ts"
import type { Input } from "./Input.ts"
import type { Kept } from "./Kept.ts"
import { randomId } from "./RandomId.ts"
import { Refusal } from "./Refusal.ts"
import { invalid, type RestError } from "./Rest.ts"
import type { Store } from "./Store.ts"
import { reasonOf } from "./Unreachable.ts"

/** When a command that got no answer is tried again while the connection stays, and a failed read of the storage. In milliseconds. */
const RETRY = 1000

/** How many results of messages are remembered, for calls of `acknowledged` that come after them. */
const REMEMBERED = 1000

/**
 * The commands that the server has not confirmed yet.
 *
 * Guarantee: a command is in the storage before `add` returns, and stays there until the server has confirmed or refused it, or
 * the user discards it. Commands of one lane are carried out in order, one at a time, across tabs where the storage has locks. A
 * message is sent again under the same `client_id` until there is an answer, and the server sends it once.
 */
export interface Outbox {
  /** Keeps a command, and returns without waiting for the server. */
  add(command: Command, clientId?: string): Effect.Effect<OutboxEntry>
  /** The message, once it is committed. Fails when it is refused or discarded. It may be asked for late, and more than once. */
  acknowledged(clientId: string): Effect.Effect<Message, Refusal>
  /** Tries a refused command once more. */
  retry(clientId: string): Effect.Effect<void>
  /** Forgets a command. A message that is on its way may arrive all the same. */
  discard(clientId: string): Effect.Effect<void>
  /** A message has come back as an event: it is committed, also when the answer to it was lost. */
  reported(clientId: string, message: Message): Effect.Effect<void>
  /** Takes what the storage holds: commands of an earlier page or process, or of another tab. */
  readonly refresh: Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (
  store: Store,
  kept: Kept,
  connection: Connection,
  execute: Execute
) {
  const fork = yield* FiberSet.makeRuntime<never>()
  const writes = yield* Semaphore.make(1)
  /** Lanes that are being worked on. */
  const active = new Set<string>()
  const waiting = new Map<string, Set<Deferred.Deferred<Message, Refusal>>>()
  /** The results of the latest sends, by `client_id`. */
  const results = new Map<string, Effect.Effect<Message, Refusal>>()
  let isReadDue = false

  const find = (clientId: string) => store.state.outbox.find(({ client_id }) => client_id === clientId)

  const settle = (clientId: string, result: Effect.Effect<Message, Refusal>) =>
    Effect.suspend(() => {
      const deferreds = [...(waiting.get(clientId) ?? [])]
      waiting.delete(clientId)
      results.set(clientId, result)
      for (const oldest of results.keys()) {
        if (results.size <= REMEMBERED) break
        results.delete(oldest)
      }
      return Effect.forEach(deferreds, (deferred) => Deferred.completeWith(deferred, result), {
        discard: true
      })
    })

  const startLane = (lane: string) => {
    if (active.has(lane)) return
    active.add(lane)
    fork(work(lane).pipe(Effect.ensuring(Effect.sync(() => active.delete(lane)))))
  }

  const startQueuedLanes = () => {
    for (const { lane, state } of store.state.outbox) if (state === "queued") startLane(lane)
  }

  const work = (lane: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      while (true) {
        // The lane is left in the same step in which it is found empty, so a command that is added afterwards starts it again.
        const entry = store.state.outbox.find((queued) => queued.lane === lane && queued.state === "queued")
        if (entry === undefined) {
          active.delete(lane)
          return
        }
        yield* connection.online
        yield* kept.exclusively(lane, carryOut(entry))
      }
    })

  const carryOut = Effect.fnUntraced(function* ({ client_id }: OutboxEntry) {
    if (yield* kept.isRemoved(client_id)) return store.dispatch({ type: "settled", clientId: client_id })
    const entry = find(client_id)
    if (entry?.state !== "queued") return
    store.dispatch({ type: "sending", clientId: client_id })
    yield* execute(entry).pipe(
      // A command that cannot even be asked for, as with an emoji of half a character. Those behind it must not wait for it.
      Effect.catchDefect((defect) => Effect.fail(invalid(reasonOf(defect)))),
      Effect.flatMap((inputs) => confirmed(entry, inputs)),
      Effect.catch((error) => failed(entry, error)),
      // The client or its page was closed: the next client sends the command again.
      Effect.onInterrupt(() => Effect.sync(() => store.dispatch({ type: "requeued", clientId: client_id })))
    )
  })

  const confirmed = Effect.fnUntraced(function* (entry: OutboxEntry, inputs: ReadonlyArray<Input>) {
    const { client_id: clientId } = entry
    // The state first: when the removal takes long, the command is shown as what it is.
    store.dispatch(...inputs)
    yield* kept.remove(clientId)
    const [input] = inputs
    if (input?.type === "acknowledged") yield* settle(clientId, Effect.succeed(input.message))
  })

  const failed = Effect.fnUntraced(function* (entry: OutboxEntry, error: RestError) {
    const { client_id: clientId } = entry
    const known = find(clientId)
    // It was discarded, or has come back as an event: then it is committed.
    if (known === undefined) return yield* kept.remove(clientId)
    if (error._tag === "Unreachable" || error.retryAfter !== undefined || error.status === 401) {
      yield* Effect.sleep(error._tag === "Refused" ? (error.retryAfter ?? RETRY) : RETRY)
      return store.dispatch({ type: "requeued", clientId })
    }
    // Nobody misses a mark that was refused: the next one reaches further.
    if (entry.command.type === "read") return yield* discard(clientId)
    const failure = { code: error.code, message: error.message }
    yield* kept.put({ ...entry, state: "failed", failure })
    store.dispatch({ type: "refused", clientId, failure })
    yield* settle(clientId, Effect.fail(new Refusal(failure)))
  })

  const laneOf = (command: Command): string => {
    const about = command.conversation_id
    if (command.type === "read") return `read ${about}`
    const peer =
      command.type === "send" && command.receiver_id !== undefined
        ? command.receiver_id
        : store.state.conversations.get(about!)?.with?.user_id
    return peer === undefined ? `conversation ${about}` : `user ${peer}`
  }

  /** Removes commands that a later one makes needless: marks that reach less far, and what was refused and is asked for anew. */
  const removeObsolete = ({ command, client_id }: OutboxEntry) =>
    Effect.forEach(
      store.state.outbox.filter(
        ({ command: other, ...entry }) =>
          command.type !== "send" &&
          other.type === command.type &&
          entry.client_id !== client_id &&
          (command.type === "read"
            ? entry.state !== "sending" &&
              other.conversation_id === command.conversation_id &&
              other.message_id <= command.message_id
            : entry.state === "failed" && other.message_id === command.message_id)
      ),
      (other) => discard(other.client_id),
      { discard: true }
    )

  const discard = Effect.fnUntraced(function* (clientId: string) {
    store.dispatch({ type: "settled", clientId })
    yield* kept.remove(clientId)
    yield* settle(
      clientId,
      Effect.fail(new Refusal({ code: "discarded", message: "The message was discarded before it was sent" }))
    )
  })

  /** No command is written meanwhile: what was read would lack it. */
  const refresh: Effect.Effect<void> = Effect.gen(function* () {
    const entries = yield* kept.outbox
    if (entries !== undefined) {
      store.dispatch({ type: "stored", entries })
      return startQueuedLanes()
    }
    if (isReadDue) return
    isReadDue = true
    const again = Effect.suspend(() => {
      isReadDue = false
      return refresh
    })
    fork(Effect.delay(again, RETRY))
  }).pipe(writes.withPermit)

  return {
    add: Effect.fnUntraced(function* (command: Command, clientId?: string) {
      const created_at = yield* Clock.currentTimeMillis
      const entry: OutboxEntry = {
        client_id: clientId ?? randomId(),
        created_at,
        place: placeAfter(store.state.outbox.at(-1)?.place, created_at),
        lane: laneOf(command),
        command,
        state: "queued"
      }
      if (find(entry.client_id) !== undefined) return find(entry.client_id)!
      results.delete(entry.client_id)
      store.dispatch({ type: "queued", entry })
      yield* kept.put(entry)
      yield* removeObsolete(entry)
      startLane(entry.lane)
      return entry
    }, writes.withPermit),
    acknowledged: (clientId) =>
      Effect.suspend(() => {
        const failure = find(clientId)?.failure
        if (failure !== undefined) return Effect.fail(new Refusal(failure))
        const result = results.get(clientId)
        if (result !== undefined) return result
        const deferred = Deferred.makeUnsafe<Message, Refusal>()
        const deferreds = waiting.get(clientId) ?? new Set()
        waiting.set(clientId, deferreds.add(deferred))
        return Deferred.await(deferred)
      }),
    retry: (clientId) =>
      Effect.suspend(() => {
        const entry = find(clientId)
        if (entry?.state !== "failed") return Effect.void
        const { failure: _, ...again } = entry
        results.delete(clientId)
        store.dispatch({ type: "requeued", clientId })
        return Effect.andThen(
          kept.put({ ...again, state: "queued" }),
          Effect.sync(() => startLane(entry.lane))
        )
      }).pipe(writes.withPermit),
    discard,
    reported: Effect.fnUntraced(function* (clientId, message) {
      if (kept.has(clientId)) yield* kept.remove(clientId)
      yield* settle(clientId, Effect.succeed(message))
    }),
    refresh
  } satisfies Outbox as Outbox
})

/** A place by time, and behind the last one also when the clock of the device was set back. */
const placeAfter = (last = "", now: number): string => {
  const [time = 0, count = 0] = last.split(" ").map(Number)
  const place = now > time ? [now, 0] : [time, count + 1]
  return place.map((part) => String(part).padStart(15, "0")).join(" ")
}
