import { Effect, Schema } from "effect"
import { OutboxEntry } from "./Command.ts"
import { randomId } from "./RandomId.ts"
import { decodeSnapshot, encodeSnapshot } from "./Snapshot.ts"
import type { State } from "./State.ts"
import type { ClientStorage } from "./Storage.ts"
import type { Store } from "./Store.ts"
import { reasonOf } from "./Unreachable.ts"

/** What one client keeps in a storage, and reads from it. */
export interface Kept {
  /** The state at the last snapshot. One that does not decode is left out: another release wrote it. */
  readonly load: Effect.Effect<Partial<State> | undefined>
  /**
   * The entries that are kept; `undefined` when the storage cannot be read: nothing is known then. A storage that was emptied, as
   * by a browser that needs the space, gets the entries of the state once more. It is no other tab that removed them.
   */
  readonly outbox: Effect.Effect<ReadonlyArray<OutboxEntry> | undefined>
  put(entry: OutboxEntry): Effect.Effect<void>
  /** Whether an entry is in the storage, as far as this tab knows. */
  has(clientId: string): boolean
  remove(clientId: string): Effect.Effect<void>
  /** Whether another tab has removed an entry: it was sent or discarded there. */
  isRemoved(clientId: string): Effect.Effect<boolean>
  saveSnapshot(state: State): Effect.Effect<void>
  /** Runs an effect while no other tab runs one under the same name. */
  exclusively<A, E>(name: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E>
  /** Forgets everything of this user. */
  readonly clear: Effect.Effect<void>
}

const OUTBOX = "outbox/"

/** With the first entry a text that no other storage has gets here. Without it, or with another one, the storage was emptied since. */
const IDENTITY = "outbox"
const SNAPSHOT = "snapshot"

const decodeEntry = Schema.decodeUnknownEffect(OutboxEntry)

/**
 * Guarantee: nothing here fails. What the storage refuses is held in memory, as `storage` of the state says, and written
 * after the next write that the storage takes. One change of the storage is made at a time.
 */
export const make = (storage: ClientStorage, store: Store): Kept => {
  /** What the storage does not have yet, or has still, by its key; `undefined` stands for nothing. */
  const unsaved = new Map<string, unknown>()
  /** Those of these keys whose last write failed. */
  const refused = new Set<string>()
  const stored = new Set<string>()
  /** The latest change of the storage. The next one waits for it. */
  let latest: Promise<unknown> = Promise.resolve()
  let identity: unknown

  const attempt = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: reasonOf })

  const failed = (reason: string) =>
    Effect.sync(() => {
      const { storage } = store.state
      if (storage.type === "failed" && storage.reason === reason) return
      store.dispatch({ type: "storage", storage: { type: "failed", reason } })
    })

  const worked = Effect.sync(() => {
    if (refused.size === 0 && store.state.storage.type === "failed")
      store.dispatch({ type: "storage", storage: { type: "ok" } })
  })

  /** Makes the changes of the storage one after the other, also those that nobody waits for any more. */
  const inTurn = (change: () => Promise<void>) =>
    attempt(() => {
      const made = latest.then(change)
      latest = made.catch(() => {})
      return made
    })

  /** Saves what belongs under a key once its turn has come: it may be another value by then, or be saved already. */
  const save = (key: string) =>
    inTurn(async () => {
      if (!unsaved.has(key)) return
      const value = unsaved.get(key)
      refused.add(key)
      await (value === undefined ? storage.delete(key) : storage.set(key, value))
      refused.delete(key)
      if (unsaved.get(key) === value) unsaved.delete(key)
    })

  const write = Effect.fnUntraced(function* (key: string, value: unknown) {
    unsaved.set(key, value)
    yield* save(key)
    // Each by itself: a value that is too large must not keep back the others.
    for (const other of [...refused]) yield* Effect.ignore(save(other))
    yield* worked
  }, Effect.catch(failed))

  const put = Effect.fnUntraced(function* (entry: OutboxEntry) {
    stored.add(entry.client_id)
    yield* write(OUTBOX + entry.client_id, entry)
    if (identity !== undefined) return
    identity = randomId()
    yield* write(IDENTITY, identity)
  })

  const read = <A>(run: () => Promise<A>, otherwise: A) =>
    attempt(run).pipe(Effect.catch((reason) => Effect.as(failed(reason), otherwise)))

  const outbox: Kept["outbox"] = Effect.gen(function* () {
    const values = yield* read(() => storage.list(IDENTITY), undefined)
    if (values === undefined) return undefined
    yield* worked
    const found = unsaved.get(IDENTITY) ?? values.find((value) => typeof value === "string")
    const isEmptied = identity !== undefined && found !== identity
    identity = found
    if (isEmptied) {
      for (const entry of store.state.outbox)
        if (entry.state !== "sent")
          yield* put(entry.state === "sending" ? { ...entry, state: "queued" } : entry)
      return yield* outbox
    }
    const decoded = yield* Effect.forEach(values, (value) => Effect.option(decodeEntry(value)))
    const entries = decoded.flatMap((entry) => (entry._tag === "Some" ? [entry.value] : []))
    for (const { client_id } of entries) stored.add(client_id)
    return [
      ...entries.filter(({ client_id }) => !unsaved.has(OUTBOX + client_id)),
      ...[...unsaved].flatMap(([key, value]) =>
        key.startsWith(OUTBOX) && value !== undefined ? [value as OutboxEntry] : []
      )
    ]
  })

  const lock = (name: string) =>
    storage.lock === undefined
      ? Effect.succeed(() => {})
      : Effect.tryPromise({ try: (signal) => storage.lock!(name, signal), catch: reasonOf }).pipe(
          // Without the lock two tabs may carry out one command, which the server answers once.
          Effect.orElseSucceed(() => () => {})
        )

  return {
    load: Effect.flatMap(
      read(() => storage.get(SNAPSHOT), undefined),
      (snapshot) => decodeSnapshot(snapshot, store.state.userId)
    ),
    outbox,
    put,
    has: (clientId) => stored.has(clientId),
    remove: (clientId) => {
      stored.delete(clientId)
      return write(OUTBOX + clientId, undefined)
    },
    isRemoved: Effect.fnUntraced(function* (clientId) {
      const key = OUTBOX + clientId
      if (unsaved.has(key) || (yield* read(() => storage.get(key), null)) !== undefined) return false
      const entries = yield* outbox
      return entries?.some(({ client_id }) => client_id === clientId) === false
    }),
    saveSnapshot: (state) => write(SNAPSHOT, encodeSnapshot(state)),
    exclusively: (name, effect) =>
      Effect.acquireUseRelease(
        lock(name),
        () => effect,
        (release) => Effect.sync(release)
      ),
    clear: Effect.gen(function* () {
      const { clear } = storage
      if (clear !== undefined) return yield* Effect.catch(inTurn(clear), failed)
      for (const { client_id } of (yield* outbox) ?? []) yield* write(OUTBOX + client_id, undefined)
      yield* write(SNAPSHOT, undefined)
      yield* write(IDENTITY, undefined)
    })
  }
}
