/**
 * Where a client keeps its outbox and its snapshot: small values under short names. Several tabs may share one. A value is what
 * JSON can hold. Every call may fail: the client says so in `storage` of its state, and goes on in memory.
 */
export interface ClientStorage {
  get(key: string): Promise<unknown>
  /** Resolves once the value is kept through a crash of the page or the process. */
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  /** What is kept under the names that begin so. */
  list(prefix: string): Promise<ReadonlyArray<unknown>>
  /** Removes everything and the storage itself, also after `close`. Without it each value is deleted. */
  clear?(): Promise<void>
  /** Calls the listener when another tab has changed something, with `true` when it has cleared it. Returns how to stop that. */
  watch?(listener: (isCleared?: boolean) => void): () => void
  /** Waits until no other tab holds the lock of this name, and returns how to release it. */
  lock?(name: string, signal: AbortSignal): Promise<() => void>
  /** Ends what the storage has open. */
  close?(): void
}

/** Keeps everything as long as the process or the page lives. Clients that share one are tabs of one another. */
export const memoryStorage = (): ClientStorage => {
  const values = new Map<string, string>()
  return {
    get: async (key) => parsed(values.get(key)),
    set: async (key, value) => {
      values.set(key, JSON.stringify(value))
    },
    delete: async (key) => {
      values.delete(key)
    },
    list: async (prefix) =>
      [...values].filter(([key]) => key.startsWith(prefix)).map(([, text]) => parsed(text))
  }
}

const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
