import { isDeepStrictEqual } from "node:util"
import { DateTime, Effect } from "effect"
import type { Change } from "../domain/Event.ts"
import { type User, type UserChange, type UserId, UserNotFound } from "../domain/User.ts"
import { appendPayload } from "./MemoryEvents.ts"
import type { Tables } from "./MemoryTables.ts"
import type { ProfileCalls } from "./ProfileCalls.ts"
import { MAX_FELLOWS } from "./ProfileCalls.ts"
import { makeProvision, makePut } from "./PutExternal.ts"
import { makeInMemory } from "./UsersInMemory.ts"

/** The memory layer of `ProfileRepo`. */
export const profilesInMemory = (tables: Tables): ProfileCalls => {
  const { users, conversations } = tables

  const fellowsOf = (me: UserId) => {
    const others = [...conversations.values()]
      .reverse()
      .flatMap(({ members }) => (members.has(me) ? [...members.keys()] : []))
      .filter((id) => id !== me)
    return [...new Set(others)].slice(0, MAX_FELLOWS).sort((a, b) => a - b)
  }

  const changed = (user: User, { display_name, avatar_url, metadata }: UserChange): User => {
    const { avatar_url: oldUrl, metadata: oldMetadata, ...rest } = user
    const newUrl = avatar_url === undefined ? oldUrl : (avatar_url ?? undefined)
    const newMetadata = metadata === undefined ? oldMetadata : (metadata ?? undefined)
    return {
      ...rest,
      display_name: display_name === undefined ? user.display_name : (display_name ?? user.username),
      ...(newUrl === undefined ? {} : { avatar_url: newUrl }),
      ...(newMetadata === undefined ? {} : { metadata: newMetadata })
    }
  }

  const updateKnown = ({ id }: User, change: UserChange): Effect.Effect<Change<User>> =>
    Effect.map(DateTime.now, (now) => {
      const user = users[id - 1]!
      const value = changed(user, change)
      if (isDeepStrictEqual(value, user)) return { value: Effect.succeed(value), appended: [] }
      users[id - 1] = value
      const { external_id: _, ...own } = value
      const { metadata: __, ...shown } = own
      const append = (userIds: ReadonlyArray<UserId>, user: User) =>
        appendPayload(tables, userIds, "user_updated", { user }, DateTime.formatIso(now))
      return {
        value: Effect.succeed(value),
        appended: [...append([id], own), ...append(fellowsOf(id), shown)]
      }
    })

  const steps: Parameters<typeof makeProvision>[0] = {
    findExternal: (id) => Effect.sync(() => users.find(({ external_id }) => external_id === id)),
    make: (made) => Effect.result(makeInMemory(tables, made))
  }
  const put = makePut({ ...steps, update: updateKnown })

  return {
    put,
    provision: makeProvision(steps),
    update: (userId, change) =>
      Effect.suspend((): Effect.Effect<Change<User>, UserNotFound> => {
        const user = tables.erasures.has(userId) ? undefined : users[userId - 1]
        return user === undefined ? Effect.fail(new UserNotFound({ userId })) : updateKnown(user, change)
      })
  }
}
