import { Context, Effect, Layer, Result } from "effect"
import { Headers } from "effect/http"
import { AppConfig } from "../AppConfig.ts"
import {
  type Caller,
  type Credential,
  Forbidden,
  InvalidToken,
  ONLY_USERS_ARE_ME,
  type RateLimited,
  Suspended,
  TOKEN_TAKEN_BACK,
  type Verified
} from "../domain/Caller.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { warnOnce } from "../observability/Once.ts"
import { type AddressedRequest, clientAddress } from "./ClientAddress.ts"
import { Disconnects } from "./Disconnects.ts"
import { type FrameBudget, FrameBudgets } from "./FrameBudgets.ts"
import { Identities } from "./Identities.ts"
import { type Act, allows, type Operation, selfOf, writerOf } from "./Policy.ts"
import { type ActRate, limitsAreOn, RateLimits } from "./RateLimits.ts"
import { Tokens } from "./Tokens.ts"

/**
 * Decides who may do what, and how often, for REST and for sockets. Those turn its failures into answers. The application's own
 * backend (`Service`) has no limit.
 */
export class Gate extends Context.Service<
  Gate,
  {
    /** Whether every caller is `Anyone` and nothing is limited, so that requests need not be checked at all. */
    readonly isOpen: boolean

    /**
     * The credential of a request. Takes the request from the rate of its client's address, also when the token is
     * invalid: such a request fails with `RateLimited` when the rate is exhausted, else with `InvalidToken`. Fails with `Forbidden`
     * when the token is valid but no user has its external id.
     */
    admit(
      token: string | undefined,
      request: AddressedRequest
    ): Effect.Effect<Credential, RateLimited | InvalidToken | Unavailable | Forbidden>

    /** `admit` for a handshake that asks for the socket of a user, or of the token's own user (`me`). Answers that user too. */
    admitSocket(
      token: string | undefined,
      request: AddressedRequest,
      userId: UserId | "me"
    ): Effect.Effect<
      { readonly credential: Credential; readonly userId: UserId },
      RateLimited | InvalidToken | Unavailable | Forbidden | Suspended
    >

    /** The user whose token a caller has. */
    self(caller: Caller): Effect.Effect<UserId, Forbidden>

    /** The credential of a new token for an open socket of a user. It costs nothing of a rate. */
    renewSocket(
      token: string,
      userId: UserId
    ): Effect.Effect<Credential, InvalidToken | Unavailable | Forbidden | Suspended>

    /**
     * Fails when the policy does not allow a caller an operation, and when the operation writes for a suspended user. The latter
     * holds for all callers: the application cannot write for a suspended user either. It may change its profile.
     */
    permit(caller: Caller, operation: Operation): Effect.Effect<void, Forbidden | Suspended>

    /** `permit` for an act of a user. Takes it from that user's rate for acts of its kind. */
    permitAct(caller: Caller, act: Act): Effect.Effect<void, Forbidden | Suspended | RateLimited>

    /** `permitAct` for one send as a user. */
    permitSend(caller: Caller, sender: UserId): Effect.Effect<void, Forbidden | Suspended | RateLimited>

    /**
     * Takes the extra cost of permitted acts of one kind from their rate. `inboxes` has how many inboxes the event of each act was
     * appended to.
     */
    chargeActs(caller: Caller, act: Act, inboxes: ReadonlyArray<number>): Effect.Effect<void>

    /**
     * `permit` for marking a conversation as read, or changing the users that a socket watches. Takes it from the rate of the
     * user's actions.
     */
    permitAction(caller: Caller, user: UserId): Effect.Effect<void, Forbidden | Suspended | RateLimited>

    /**
     * `permit` for a search as a user. Takes it from the rate of that user's searches, and as several calls from the rate of its
     * client's address.
     */
    permitSearch(
      caller: Caller,
      request: AddressedRequest,
      user: UserId
    ): Effect.Effect<void, Forbidden | Suspended | RateLimited>

    /**
     * Takes the extra cost of a read of so many rows from the rate of its client's address, and from that of its user. Skipped
     * rows count. `rows` does not run when the caller has no limit.
     */
    permitRows<E = never>(
      caller: Caller,
      request: AddressedRequest,
      rows: Effect.Effect<number, E>
    ): Effect.Effect<void, RateLimited | E>

    /** Takes a request for a public path from the rate of its client's address. */
    admitStranger(request: AddressedRequest): Effect.Effect<void, RateLimited>

    /** The budget for the frames of a user's sockets; `undefined` when the caller has no limit. */
    framesOf(caller: Caller, userId: UserId): FrameBudget | undefined
  }
>()("minichat/access/Gate") {
  static readonly layer = Layer.effect(
    Gate,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const tokens = yield* Tokens
      const identities = yield* Identities
      const disconnects = yield* Disconnects
      const rateLimits = yield* RateLimits
      const frameBudgets = yield* FrameBudgets
      const isOn = limitsAreOn(config)
      const addressOf = clientAddress(config.trustedProxies)
      const hasIgnoredForwardedFor = ({ remoteAddress, headers }: AddressedRequest) =>
        headers["x-forwarded-for"] !== undefined &&
        addressOf({ remoteAddress, headers }) === addressOf({ remoteAddress, headers: Headers.empty })

      // The token of an erased user is good for one thing: to ask whether the erasure is finished.
      const isErasedCaller = (caller: Caller, operation: Operation) =>
        caller._tag === "Member" && operation._tag !== "EraseUser" && disconnects.isErased(caller.userId)

      const permit: Gate["Service"]["permit"] = (caller, operation) => {
        if (!allows(caller, operation) || isErasedCaller(caller, operation))
          return Effect.fail(new Forbidden())
        const writer = writerOf(caller, operation)
        return writer !== undefined && disconnects.isSuspended(writer)
          ? Effect.fail(new Suspended())
          : Effect.void
      }

      const unlessTakenBack = (credential: Credential) =>
        disconnects.refuses(credential)
          ? Effect.fail(new InvalidToken({ message: TOKEN_TAKEN_BACK }))
          : Effect.succeed(credential)

      // The rate is charged before a user is looked up or made.
      const credentialOf =
        <E = never>(take: Effect.Effect<void, E> = Effect.void) =>
        (verified: Verified) =>
          verified.caller._tag === "Subject"
            ? take.pipe(Effect.andThen(identities.resolve(verified)), Effect.flatMap(unlessTakenBack))
            : Effect.flatMap(identities.resolve(verified), unlessTakenBack)

      const warn = warnOnce()
      const warnOfProxy = (request: AddressedRequest) =>
        hasIgnoredForwardedFor(request)
          ? warn(
              `Requests of ${addressOf(request)} are above their rate, and have an X-Forwarded-For that does not count: if that is a proxy of yours, all its clients share one rate. Name it in TRUSTED_PROXIES`
            )
          : Effect.void

      const admit = Effect.fnUntraced(function* (token: string | undefined, request: AddressedRequest) {
        let isTaken = false
        const take = Effect.suspend(() => {
          if (isTaken) return Effect.void
          isTaken = true
          return Effect.tapError(rateLimits.request(addressOf(request)), () => warnOfProxy(request))
        })
        // The rate is charged before a call waits for keys. Otherwise any number of strangers could wait.
        const verified = yield* Effect.result(Effect.flatMap(tokens.verify(token, take), credentialOf(take)))
        if (Result.isFailure(verified) || isLimited(verified.success.caller)) yield* take
        if (Result.isFailure(verified)) {
          yield* Effect.logDebug(
            `A request of ${addressOf(request)} was refused: ${reasonOf(verified.failure)}`
          )
        }
        return yield* Effect.fromResult(verified)
      })

      /** `permit`, which charges the rate when it permits. */
      const permitFrom = (caller: Caller, operation: Operation, take: Effect.Effect<void, RateLimited>) =>
        isLimited(caller) ? Effect.andThen(permit(caller, operation), take) : permit(caller, operation)

      const permitAct: Gate["Service"]["permitAct"] = (caller, act) =>
        permitFrom(caller, act, rateLimits[RATE_OF[act._tag]](act.as))

      const permitSocket = (userId: UserId) => (credential: Credential) =>
        Effect.as(permit(credential.caller, { _tag: "OpenSocket", of: userId }), credential)

      const takesFrom = (caller: Caller) => isOn && isLimited(caller)

      const takeRows = (caller: Caller, request: AddressedRequest) =>
        Effect.fnUntraced(function* (rows: number) {
          const cost = Math.floor(rows / ROWS_FOR_ONE_CALL)
          if (cost === 0) return
          const userId = selfOf(caller)
          if (userId !== undefined) yield* rateLimits.rows(userId, cost)
          yield* rateLimits.request(addressOf(request), cost)
        })

      const self = (caller: Caller) => {
        const userId = selfOf(caller)
        return userId === undefined
          ? Effect.fail(new Forbidden({ detail: ONLY_USERS_ARE_ME }))
          : Effect.succeed(userId)
      }

      return Gate.of({
        isOpen: config.auth === "open" && !isOn,
        admit,
        admitSocket: Effect.fnUntraced(function* (token, request, asked) {
          const credential = yield* admit(token, request)
          const userId = asked === "me" ? yield* self(credential.caller) : asked
          return { credential: yield* permitSocket(userId)(credential), userId }
        }),
        renewSocket: (token, userId) =>
          tokens.verify(token).pipe(Effect.flatMap(credentialOf()), Effect.flatMap(permitSocket(userId))),
        self,
        permit,
        permitAct,
        permitSend: (caller, sender) => permitAct(caller, { _tag: "Send", as: sender }),
        chargeActs: (caller, act, inboxes) => {
          const cost = inboxes.reduce((sum, count) => sum + Math.floor(count / INBOXES_FOR_ONE_ACT), 0)
          return cost === 0 || !takesFrom(caller)
            ? Effect.void
            : rateLimits.charge(RATE_OF[act._tag], act.as, cost)
        },
        permitAction: (caller, user) =>
          permitFrom(caller, { _tag: "ChangeConversations", as: user }, rateLimits.act(user)),
        permitSearch: (caller, request, user) =>
          permitFrom(
            caller,
            { _tag: "ReadHistory", of: user },
            Effect.andThen(
              rateLimits.search(user),
              rateLimits.request(addressOf(request), CALLS_FOR_ONE_SEARCH)
            )
          ),
        permitRows: (caller, request, rows) =>
          takesFrom(caller) ? Effect.flatMap(rows, takeRows(caller, request)) : Effect.void,
        admitStranger: (request) => (isOn ? rateLimits.request(addressOf(request)) : Effect.void),
        framesOf: (caller, userId) => (takesFrom(caller) ? frameBudgets.of(userId) : undefined)
      })
    })
  ).pipe(Layer.provide([FrameBudgets.layer, Identities.layer]))
}

/** Each so many inboxes that get the event of an act cost as much as one more act. */
const INBOXES_FOR_ONE_ACT = 100

/** How many calls a search costs beyond its own. */
const CALLS_FOR_ONE_SEARCH = 4

/** From which of its user's rates an act is taken. */
const RATE_OF = {
  ChangeUser: "act",
  Send: "send",
  ChangeMessages: "send",
  ChangeConversations: "send",
  MakeGroup: "group",
  React: "react",
  Type: "type",
  ChangeBlocks: "act",
  Report: "act"
} as const satisfies Record<Act["_tag"], ActRate>

/** How many rows cost as much as a call of its own. */
const ROWS_FOR_ONE_CALL = 500

const isLimited = ({ _tag }: Caller): boolean => _tag !== "Service"

const reasonOf = (failure: InvalidToken | Unavailable | Forbidden | RateLimited): string =>
  (failure._tag === "Forbidden" ? failure.detail : undefined) ?? failure.message
