import { signal } from "@preact/signals"
import { userOf } from "./server.ts"
import { deviceStorage, tabStorage } from "./storage.ts"

/** A user who is signed in on this page. */
export interface Account {
  readonly userId: number
  /** For a server that requires one. */
  readonly token?: string
  /** Whether it outlives this tab. */
  readonly isKept?: boolean
}

const KEY = "minichat.accounts"

const read = (storage: typeof tabStorage): ReadonlyArray<Account> => {
  try {
    return JSON.parse(storage.get(KEY) ?? "[]")
  } catch {
    return []
  }
}

const known = read(tabStorage)

/** Who is signed in, one pane each. */
export const accounts = signal<ReadonlyArray<Account>>(known.length > 0 ? known : read(deviceStorage))

/** Signs in other users. What is not to be kept goes to a storage that ends with the tab. */
export const setAccounts = (next: ReadonlyArray<Account>) => {
  accounts.value = next
  tabStorage.set(KEY, JSON.stringify(next))
  deviceStorage.set(KEY, JSON.stringify(next.filter(({ isKept }) => isKept)))
}

/** Signs in whose token it is; rejects with the reason when the server refuses it. */
export const signIn = async (token: string, isKept = false) => {
  const { id } = await userOf(token)
  setAccounts([{ userId: id, token, isKept }])
}

/** Takes `#token=` from the address, so that nobody finds it there. */
export const tokenFromAddress = (): string | undefined => {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined
  if (token !== undefined) history.replaceState(null, "", location.pathname + location.search)
  return token
}
