import { signal } from "@preact/signals"
import { userOf } from "./server.ts"
import { deviceStorage, tabStorage } from "./storage.ts"

/** A user who is signed in on this page. */
export interface Account {
  readonly userId: number
  /** For a server that requires one. */
  readonly token?: string
  /** Whether its token outlives this tab. */
  readonly isKept?: boolean
}

const KEY = "minichat.accounts"

/** Undefined where nobody has signed in yet. */
const read = (storage: typeof tabStorage): ReadonlyArray<Account> | undefined => {
  try {
    return JSON.parse(storage.get(KEY) ?? "null") ?? undefined
  } catch {
    return undefined
  }
}

const write = (storage: typeof tabStorage, next: ReadonlyArray<Account>) =>
  storage.set(KEY, JSON.stringify(next))

/** Who is signed in, one pane each: whom this tab has chosen, else whom the last one of this device chose. */
export const accounts = signal<ReadonlyArray<Account>>(read(tabStorage) ?? read(deviceStorage) ?? [])

// What this tab shows it shows again after a reload, whomever another tab has chosen since. A kept token stays in one place.
if (
  read(tabStorage) === undefined &&
  accounts.value.length > 0 &&
  accounts.value.every(({ token }) => token === undefined)
)
  write(tabStorage, accounts.value)

const setInTab = (next: ReadonlyArray<Account>) => {
  accounts.value = next
  write(tabStorage, next)
}

/** Whether an account outlives the tab: where there is no token there is no secret. */
const outlivesTab = ({ token, isKept }: Account) => token === undefined || isKept === true

/** Signs in other users. A token that is not to be kept ends with the tab, and leaves alone what other tabs keep. */
export const setAccounts = (next: ReadonlyArray<Account>) => {
  setInTab(next)
  const kept = next.filter(outlivesTab)
  if (kept.length > 0) write(deviceStorage, kept)
}

/** Ends the session of one user, in this tab and on this device. */
export const removeAccount = (account: Account) => {
  const others = ({ userId }: Account) => userId !== account.userId
  setInTab(accounts.value.filter(others))
  write(deviceStorage, (read(deviceStorage) ?? []).filter(others))
}

/** Lets this tab choose another user. On the device this one stays. */
export const leaveTab = (account: Account) =>
  setInTab(accounts.value.filter(({ userId }) => userId !== account.userId))

/** Whose token it is; rejects with the reason when the server refuses it. */
export const accountOf = async (token: string, isKept = false): Promise<Account> => {
  const { id } = await userOf(token)
  return { userId: id, token, isKept }
}

/** Takes `#token=` from the address, so that nobody finds it there. */
export const tokenFromAddress = (): string | undefined => {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined
  if (token !== undefined) history.replaceState(null, "", location.pathname + location.search)
  return token
}
