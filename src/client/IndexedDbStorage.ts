import type { ClientStorage } from "./Storage.ts"

const STORE = "values"

/** As much of IndexedDB as is used here. Its types are those of browsers, which the rest of this code does without. */
interface Request<A> {
  readonly result: A
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
interface ObjectStore {
  get(key: string): Request<unknown>
  put(value: unknown, key: string): void
  delete(key: string): void
  getAll(range: unknown): Request<Array<unknown>>
}
interface Transaction {
  readonly error: unknown
  objectStore(name: string): ObjectStore
  oncomplete: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
}
interface Database {
  transaction(
    name: string,
    mode: "readonly" | "readwrite",
    options?: { readonly durability: "strict" }
  ): Transaction
  createObjectStore(name: string): void
  close(): void
  onclose: (() => void) | null
  onversionchange: ((event: { readonly newVersion: number | null }) => void) | null
}
const browser = globalThis as unknown as {
  readonly indexedDB: {
    open(name: string, version: number): Request<Database> & { onupgradeneeded: (() => void) | null }
    deleteDatabase(name: string): Request<unknown>
  }
  readonly IDBKeyRange: { bound(lower: string, upper: string): unknown }
  readonly navigator?: {
    readonly locks?: {
      request(
        name: string,
        options: { readonly signal: AbortSignal },
        run: () => Promise<void>
      ): Promise<void>
    }
  }
}

/**
 * Keeps everything in the browser's IndexedDB, under a name of its own. Tabs of one origin with the same name share it: they
 * notify each other of changes, and only one at a time carries out a command of a conversation where the browser has Web Locks (pages
 * from https, and from localhost).
 */
export const indexedDbStorage = (name: string): ClientStorage => {
  let opened: Promise<Database> | undefined
  /** Whether another tab has cleared the storage. Nothing is written any more: it would stay on a device that the user left. */
  let isCleared = false
  let onChange = () => {}
  const database = async () => {
    if (isCleared) throw new Error("it was cleared")
    opened ??= open(name, (isDeleted) => {
      opened = undefined
      if (!isDeleted) return
      isCleared = true
      onChange()
    })
    // A failure is not kept: the next call tries again.
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }
  const tabs = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(name)

  const write = async (change: (store: ObjectStore) => void) => {
    const transaction = (await database()).transaction(STORE, "readwrite", { durability: "strict" })
    change(transaction.objectStore(STORE))
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onerror = transaction.onabort = () => reject(transaction.error)
    })
  }
  const read = async <A>(request: (store: ObjectStore) => Request<A>) =>
    resultOf(request((await database()).transaction(STORE, "readonly").objectStore(STORE)))
  const notifyTabs = (key: string) => tabs?.postMessage(key)

  return {
    get: (key) => read<unknown>((store) => store.get(key)),
    set: async (key, value) => {
      await write((store) => store.put(value, key))
      notifyTabs(key)
    },
    delete: async (key) => {
      await write((store) => store.delete(key))
      notifyTabs(key)
    },
    list: (prefix) =>
      read<Array<unknown>>((store) => store.getAll(browser.IDBKeyRange.bound(prefix, `${prefix}\uffff`))),
    // This storage and other tabs close the database when they get `versionchange`, so that it is deleted.
    clear: async () => {
      await resultOf(browser.indexedDB.deleteDatabase(name))
    },
    watch: (listener) => {
      onChange = () => listener(isCleared)
      tabs?.addEventListener("message", onChange)
      return () => tabs?.removeEventListener("message", onChange)
    },
    ...(browser.navigator?.locks === undefined ? {} : { lock: webLock(name, browser.navigator.locks) }),
    close: () => {
      tabs?.close()
      opened?.then(
        (db) => db.close(),
        () => {}
      )
    }
  }
}

const resultOf = <A>(request: Request<A>) =>
  new Promise<A>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

const open = async (name: string, onClosed: (isDeleted: boolean) => void) => {
  const request = browser.indexedDB.open(name, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(STORE)
  const database = await resultOf(request)
  database.onclose = () => onClosed(false)
  // A tab deletes the database: the deletion waits until every connection to it is closed.
  database.onversionchange = ({ newVersion }) => {
    database.close()
    onClosed(newVersion === null)
  }
  return database
}

type Locks = NonNullable<NonNullable<(typeof browser)["navigator"]>["locks"]>

const webLock =
  (storage: string, locks: Locks): NonNullable<ClientStorage["lock"]> =>
  (name, signal) =>
    new Promise((resolve, reject) => {
      locks
        .request(`${storage} ${name}`, { signal }, () => new Promise<void>((release) => resolve(release)))
        .catch(reject)
    })
