import { Refused, type User } from "../src/client/MiniChat.ts"
import type { Session } from "./session.ts"
import { type Answer, useAnswer } from "./useAnswer.ts"

/** The most characters that a username has, and the beginning of a name to search for. The server refuses more. */
const LONGEST_USERNAME = 50
const LONGEST_BEGINNING = 100

export interface People {
  readonly users: ReadonlyArray<User>
  /** Whether the server refuses lists: it finds a user by the whole username only. */
  readonly isExact: boolean
}

/** Other users whose name begins so, 100 at most; the first ones of the server for no name. Where lists are refused: the one so named. */
export const usePeople = (session: Session, beginning: string): Answer<People> =>
  useAnswer(beginning.trim(), async (name) => {
    const length = [...name].length
    if (length > LONGEST_BEGINNING) return { users: [], isExact: false }
    const { users, isExact } = await listed(session, name).catch(async (cause) => {
      if (!(cause instanceof Refused && cause.status === 403)) throw cause
      const user = name === "" || length > LONGEST_USERNAME ? undefined : await session.client.userNamed(name)
      return { users: user === undefined ? [] : [user], isExact: true }
    })
    return { users: users.filter(({ id }) => id !== session.account.userId), isExact }
  })

const listed = async ({ client }: Session, name: string): Promise<People> => ({
  users: await (name === "" ? client.users() : client.findUsers(name)),
  isExact: false
})

/** Says that nobody was found. */
export const nobodyFound = ({ isExact }: People) =>
  isExact ? "Nobody else has exactly this username." : "Nobody else has a name that begins so."
