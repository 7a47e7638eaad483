import { Effect } from "effect"
import { Directory } from "../access/Directory.ts"
import { Gate } from "../access/Gate.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import {
  forbidden,
  serviceUnavailable,
  userNotFound,
  usernameFixed,
  usernameTaken
} from "../api/ProblemOf.ts"
import { UserLimit, UserList, UserSkip } from "../api/Users.ts"
import { Profiles } from "../chat/Profiles.ts"
import { type Caller, Forbidden } from "../domain/Caller.ts"
import {
  type ExternalId,
  ExternalIdNotFound,
  type ExternalUser,
  User,
  type UserChange,
  type UserId
} from "../domain/User.ts"
import { UserRepo } from "../repo/UserRepo.ts"
import { json } from "./Json.ts"
import * as Permit from "./Permit.ts"

const user = json(User)
const userList = json(UserList)

/** About the size of a user in an answer. In bytes. */
const USER_BYTES = 400

interface ListQuery {
  readonly skip?: number
  readonly limit?: number
  readonly after_id?: UserId
  readonly username?: string
  readonly q?: string
}

/** A user as a caller sees it: without the external id of another user, which may be an e-mail address. */
const shownTo =
  (caller: Caller) =>
  ({ external_id, ...shown }: User): User =>
    external_id === undefined || (caller._tag === "Member" && caller.userId !== shown.id)
      ? shown
      : { ...shown, external_id }

/** The endpoints that find users and change their profiles. */
export const make = Effect.gen(function* () {
  const gate = yield* Gate
  const directory = yield* Directory
  const users = yield* UserRepo
  const profiles = yield* Profiles
  const { permit, permitAct, permitRows, reserve } = yield* Permit.make

  const found = ({ skip = UserSkip.byDefault, limit = UserLimit.byDefault, after_id, q }: ListQuery) =>
    Effect.flatMap(Effect.flatMap(CurrentCaller, directory.permitList), (fellowsOf) =>
      q === undefined
        ? users.list(skip, limit, after_id, fellowsOf)
        : users.search({ prefix: q, afterId: after_id, fellowsOf, skip, limit })
    )

  /** A user. One that the caller may not see is answered as an unknown one. */
  const seen = Effect.fnUntraced(function* (one: User) {
    const visible = yield* directory.visible(yield* CurrentCaller, [one.id])
    return visible.length === 0 ? undefined : one
  })

  const named = Effect.fnUntraced(function* (username: string) {
    const one = yield* users.named(username)
    const shown = one && (yield* seen(one))
    return shown ? [shown] : []
  })

  const list = Effect.fnUntraced(
    function* ({ query }: { readonly query: ListQuery }) {
      const { skip = UserSkip.byDefault, limit = UserLimit.byDefault, username, q } = query
      yield* permit({ _tag: "ReadUsers" })
      if (username !== undefined && q !== undefined)
        return yield* Permit.invalidField(["query", "q"], "must be left out with username")
      yield* permitRows(skip + limit)
      yield* reserve(limit, USER_BYTES)
      const page = yield* username === undefined ? found(query) : named(username)
      return userList(page.map(shownTo(yield* CurrentCaller)))
    },
    Effect.catchTags({ Forbidden: forbidden, Unavailable: serviceUnavailable })
  )

  const get = Effect.fnUntraced(
    function* ({ params: { user_id } }: { readonly params: { readonly user_id: UserId } }) {
      const caller = yield* CurrentCaller
      yield* permit({ _tag: "ReadUsers" })
      yield* directory.permitSight(caller, [user_id])
      return user(shownTo(caller)(yield* users.find(user_id)))
    },
    Effect.catchTags({
      Forbidden: forbidden,
      UserNotFound: userNotFound,
      Unavailable: serviceUnavailable
    })
  )

  const me = () =>
    // The policy is asked, too: it refuses the token of an erased user.
    permit({ _tag: "ReadUsers" }).pipe(
      Effect.andThen(Effect.flatMap(CurrentCaller, gate.self)),
      Effect.flatMap(users.find),
      Effect.map(user),
      Effect.catchTags({
        Forbidden: forbidden,
        UserNotFound: userNotFound,
        Unavailable: serviceUnavailable
      })
    )

  const update = ({
    params: { user_id },
    payload
  }: {
    readonly params: { readonly user_id: UserId }
    readonly payload: UserChange
  }) =>
    permitAct({ _tag: "ChangeUser", as: user_id }).pipe(
      Effect.andThen(profiles.update(user_id, payload)),
      Effect.map(user),
      Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable })
    )

  const getExternal = ({
    params: { external_id }
  }: {
    readonly params: { readonly external_id: ExternalId }
  }) =>
    permit({ _tag: "ReadUsers" }).pipe(
      Effect.andThen(users.findExternal(external_id)),
      Effect.flatMap(seen),
      Effect.flatMap((one) =>
        one === undefined ? Effect.fail(new ExternalIdNotFound()) : Effect.succeed(user(one))
      ),
      Effect.catchTags({ ExternalIdNotFound: userNotFound, Unavailable: serviceUnavailable })
    )

  /** A user may change only itself. Every other external id is refused in the same way, so a user does not learn which exist. */
  const permitPut = Effect.fnUntraced(function* (externalId: ExternalId) {
    const caller = yield* CurrentCaller
    if (caller._tag !== "Member") return yield* permit({ _tag: "CreateUser" })
    const known = yield* Effect.mapError(users.findExternal(externalId), (error) =>
      error._tag === "ExternalIdNotFound" ? forbidden(new Forbidden()) : error
    )
    return yield* permitAct({ _tag: "ChangeUser", as: known.id })
  })

  const putExternal = ({
    params: { external_id },
    payload
  }: {
    readonly params: { readonly external_id: ExternalId }
    readonly payload: ExternalUser
  }) =>
    permitPut(external_id).pipe(
      Effect.andThen(profiles.put(external_id, payload)),
      Effect.map(user),
      Effect.catchTags({
        UsernameTaken: usernameTaken,
        UsernameFixed: usernameFixed,
        Unavailable: serviceUnavailable
      })
    )

  return { list, get, me, update, getExternal, putExternal }
})
