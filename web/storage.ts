/** A storage of the browser. Where it keeps nothing, as with blocked site data, the page goes on without. */
const kept = (storage: () => Storage) => ({
  get: (key: string): string | null => {
    try {
      return storage().getItem(key)
    } catch {
      return null
    }
  },
  set: (key: string, value: string): void => {
    try {
      storage().setItem(key, value)
    } catch {
      // The value lasts as long as the page.
    }
  },
  /** Removes all values whose keys begin so. */
  removeAll: (prefix: string): void => {
    try {
      for (const key of Object.keys(storage())) if (key.startsWith(prefix)) storage().removeItem(key)
    } catch {
      // Nothing is kept.
    }
  }
})

/** What lasts as long as this tab. */
export const tabStorage = kept(() => sessionStorage)

/** What outlives the tab. */
export const deviceStorage = kept(() => localStorage)
