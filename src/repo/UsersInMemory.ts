import { DateTime, Effect } from "effect"
import {
  type ExternalId,
  ExternalIdNotFound,
  type User,
  UserId,
  UserNotFound,
  UsernameTaken
} from "../domain/User.ts"
import { fold, foldedNames, normalName } from "./FoldedNames.ts"
import { imitates, lookOf } from "./Looks.ts"
import type { Tables } from "./MemoryTables.ts"
import type { NameQuery } from "./UserQueries.ts"
import type { NewProfile } from "./UsersInSql.ts"

/** Makes a user with an empty inbox. */
export const makeInMemory = (
  { users, inboxes, looks }: Tables,
  { username, displayName, externalId, avatarUrl, metadata }: NewProfile
): Effect.Effect<User, UsernameTaken> =>
  Effect.flatMap(DateTime.now, (now) => {
    const look = lookOf(username)
    if (users.some((user) => normalName(user.username) === normalName(username))) {
      return Effect.fail(new UsernameTaken({ username, isAlike: false }))
    }
    const alike = looks.get(look.skeleton) ?? []
    if (alike.some((other) => imitates(look, other))) {
      return Effect.fail(new UsernameTaken({ username, isAlike: true }))
    }
    looks.set(look.skeleton, [...alike, look])
    const user: User = {
      id: UserId.make(users.length + 1),
      username,
      display_name: displayName,
      created_at: DateTime.formatIso(now),
      ...(externalId === undefined ? {} : { external_id: externalId }),
      ...(avatarUrl === undefined ? {} : { avatar_url: avatarUrl }),
      ...(metadata === undefined ? {} : { metadata })
    }
    users.push(user)
    inboxes.set(user.id, { events: [], lastSeq: 0, prunedSeq: 0 })
    return Effect.succeed(user)
  })

/** The place of a user in a search: the first of its names that begins with `prefix`, by code points. */
const placeOf = ({ username, display_name }: User, prefix: string): string | undefined =>
  foldedNames(username, display_name)
    .filter((name) => name.startsWith(prefix))
    .sort(byCodePoints)[0]

const byCodePoints = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** The memory layer of `UserRepo`. */
export const usersInMemory = (tables: Tables) => {
  const { conversations, erasures } = tables
  /** The users who are not erased. */
  const known = () => tables.users.filter(({ id }) => !erasures.has(id))

  const isFellow = (me: UserId | undefined, id: UserId) =>
    me === undefined ||
    me === id ||
    [...conversations.values()].some(({ members }) => members.has(me) && members.has(id))

  const create = (username: string, displayName: string) => makeInMemory(tables, { username, displayName })

  const list = (skip: number, limit: number, afterId?: UserId, fellowsOf?: UserId) =>
    Effect.sync(() =>
      known()
        .filter(({ id }) => id > (afterId ?? 0) && isFellow(fellowsOf, id))
        .slice(skip, skip + limit)
    )

  const fellowsAmong = (userId: UserId, others: ReadonlyArray<UserId>) =>
    Effect.sync(() => others.filter((id) => id !== userId && isFellow(userId, id)))

  const find = (id: UserId) =>
    Effect.suspend(() => {
      const user = erasures.has(id) ? undefined : tables.users[id - 1]
      return user === undefined ? Effect.fail(new UserNotFound({ userId: id })) : Effect.succeed(user)
    })

  const findExternal = (id: ExternalId) =>
    Effect.suspend(() => {
      const user = known().find(({ external_id }) => external_id === id)
      return user === undefined ? Effect.fail(new ExternalIdNotFound()) : Effect.succeed(user)
    })

  const named = (username: string) =>
    Effect.sync(() => known().find((user) => normalName(user.username) === normalName(username)))

  const search = ({ prefix, afterId, fellowsOf, skip, limit }: NameQuery) =>
    Effect.sync(() => {
      const from = fold(prefix)
      const found = known()
        .filter(({ id }) => isFellow(fellowsOf, id))
        .flatMap((user) => {
          const place = placeOf(user, from)
          return place === undefined ? [] : { user, place }
        })
        .sort((a, b) => byCodePoints(a.place, b.place) || a.user.id - b.user.id)
      const after = found.findIndex(({ user }) => user.id === afterId) + 1
      return found.slice(after + skip, after + skip + limit).map(({ user }) => user)
    })

  return { create, list, find, fellowsAmong, findExternal, named, search }
}
