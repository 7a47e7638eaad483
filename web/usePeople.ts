import type { User } from "../src/client/MiniChat.ts"
import type { Session } from "./session.ts"
import { type Answer, useAnswer } from "./useAnswer.ts"

/** Other users whose name begins so, 100 at most; the first ones of the server for no name. */
export const usePeople = (session: Session, beginning: string): Answer<ReadonlyArray<User>> =>
  useAnswer(beginning.trim(), async (name) => {
    const users = await (name === "" ? session.client.users() : session.client.findUsers(name))
    return users.filter(({ id }) => id !== session.account.userId)
  })
