import { useEffect, useState } from "preact/hooks"
import type { User } from "../src/client/MiniChat.ts"
import type { Session } from "./session.ts"

/** At most so many pages of 100 users are loaded for a list to choose from. */
const PAGES = 10

/** The other users of this server; `undefined` while they are loaded. */
export const usePeople = (session: Session): ReadonlyArray<User> | undefined => {
  const [people, setPeople] = useState<ReadonlyArray<User>>()
  useEffect(() => {
    const load = async () => {
      let all: ReadonlyArray<User> = []
      for (let page = 0; page < PAGES; page++) {
        const users = await session.client.users(all.at(-1)?.id)
        all = [...all, ...users]
        if (users.length < 100) break
      }
      setPeople(all.filter(({ id }) => id !== session.account.userId))
    }
    session.attempt(load())
  }, [])
  return people
}
