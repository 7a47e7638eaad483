import { type ReadonlySignal, signal } from "@preact/signals"
import type { Client } from "../src/client/MiniChat.ts"
import type { Person } from "./person.ts"

/** How many users are asked for at a time. */
const AT_ONCE = 2

/** How long something must show a user before they are asked for, in milliseconds: a list that is scrolled shows many in passing. */
const QUIET = 50

/** Users whom neither a conversation nor the loaded members of a group tell, as who wrote last in a group that was never opened. */
export interface LookedUp {
  /** By id. `undefined` where the server does not say who that is. */
  readonly people: ReadonlySignal<ReadonlyMap<number, Person | undefined>>
  /** Asks for a user, unless the function that it answers is called before it is their turn. */
  seek(userId: number): () => void
}

export const lookUp = (client: Client): LookedUp => {
  const people = signal<ReadonlyMap<number, Person | undefined>>(new Map())
  /** How many places show a user who is not known yet. */
  const wanted = new Map<number, number>()
  const asked = new Set<number>()
  let timer: ReturnType<typeof setTimeout> | undefined

  const found = (userId: number, person: Person | undefined) => {
    asked.delete(userId)
    wanted.delete(userId)
    people.value = new Map(people.value).set(userId, person)
    ask()
  }
  const ask = () => {
    for (const userId of [...wanted.keys()].reverse()) {
      if (asked.size >= AT_ONCE) return
      if (asked.has(userId)) continue
      asked.add(userId)
      client.user(userId).then(
        (user) => found(userId, { ...user, user_id: user.id }),
        () => found(userId, undefined)
      )
    }
  }
  return {
    people,
    seek: (userId) => {
      if (people.peek().has(userId)) return () => {}
      wanted.set(userId, (wanted.get(userId) ?? 0) + 1)
      clearTimeout(timer)
      timer = setTimeout(ask, QUIET)
      return () => {
        const places = wanted.get(userId)
        if (places === undefined) return
        if (places > 1) wanted.set(userId, places - 1)
        else wanted.delete(userId)
      }
    }
  }
}
