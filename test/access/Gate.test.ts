import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Option, Result } from "effect"
import { Headers } from "effect/http"
import { IpNetwork } from "effect/net"
import type { Settings } from "../../src/AppConfig.ts"
import { Disconnects } from "../../src/access/Disconnects.ts"
import { Gate } from "../../src/access/Gate.ts"
import { RateLimits } from "../../src/access/RateLimits.ts"
import { Tokens } from "../../src/access/Tokens.ts"
import { type Caller, InvalidToken, RateLimited } from "../../src/domain/Caller.ts"
import { UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { ErasureRepo } from "../../src/repo/ErasureRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { settings } from "../support/Services.ts"

const alice = UserId.make(1)
const bob = UserId.make(2)

/** The caller that each token of these tests stands for; any other token is invalid. */
const callers: Readonly<Record<string, Caller>> = {
  anyone: { _tag: "Anyone" },
  service: { _tag: "Service" },
  alice: { _tag: "Member", userId: alice },
  bob: { _tag: "Member", userId: bob }
}

const tokens = Layer.succeed(Tokens, {
  verify: (token) => {
    const caller = callers[token ?? ""]
    return caller === undefined
      ? Effect.fail(new InvalidToken({ message: "The token is not valid" }))
      : Effect.succeed({ caller, expiresAt: 60 })
  }
})

/** A gate, and what it took from which rate, in order. Rates that are exhausted refuse. */
const gateWith = Effect.fnUntraced(function* (options: {
  readonly exhausted?: boolean
  readonly settings?: Partial<Settings>
  /** Whether alice is suspended. */
  readonly suspended?: boolean
}) {
  const taken: Array<string> = []
  const take = (from: string) =>
    Effect.suspend(() => {
      taken.push(from)
      return options.exhausted === true
        ? Effect.fail(new RateLimited({ retryAfter: Duration.millis(1) }))
        : Effect.void
    })
  const rateLimits = Layer.succeed(RateLimits, {
    send: (userId) => take(`send of ${userId}`),
    charge: (rate, userId, acts) => Effect.ignore(take(`${acts} ${rate} of ${userId}`)),
    search: (userId) => take(`search of ${userId}`),
    act: (userId) => take(`act of ${userId}`),
    group: (userId) => take(`group of ${userId}`),
    react: (userId) => take(`react of ${userId}`),
    type: (userId) => take(`type of ${userId}`),
    request: (address) => take(`request of ${address}`),
    rows: (userId, cost) => take(`${cost} of ${userId}`)
  })
  const services = yield* Layer.build(
    Gate.layer.pipe(
      Layer.provide([
        tokens,
        rateLimits,
        UserRepo.layerMemory,
        Epoch.layerMemory,
        ProfileRepo.layerMemory,
        ErasureRepo.layerMemory,
        settings(options.settings ?? {})
      ]),
      Layer.provideMerge(Disconnects.layer)
    )
  )
  const disconnects = Context.get(services, Disconnects)
  if (options.suspended === true) {
    disconnects.learn([
      { userId: alice, orderedAt: 1, age: 0, closeCode: 4003, tokensNotBefore: undefined, isSuspended: true }
    ])
  }
  return { gate: Context.get(services, Gate), disconnects, taken }
})

const request = (headers: Record<string, string> = {}) => ({
  remoteAddress: Option.some("10.0.0.1"),
  headers: Headers.fromInput(headers)
})

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(
    Effect.result(effect),
    Result.match({ onSuccess: () => "ok", onFailure: ({ _tag }) => _tag as string })
  )

/** Every decision that takes from a rate, by token: what it takes from, and what it answers with a rate left and without. */
const decisions: ReadonlyArray<
  readonly [
    what: string,
    decide: (gate: Gate["Service"], token: string) => Effect.Effect<unknown, { readonly _tag: string }>,
    rules: Readonly<Record<string, readonly [taken: ReadonlyArray<string>, left: string, exhausted: string]>>
  ]
> = [
  [
    "a request",
    (gate, token) => gate.admit(token, request()),
    {
      anyone: [["request of 10.0.0.1"], "ok", "RateLimited"],
      service: [[], "ok", "ok"],
      alice: [["request of 10.0.0.1"], "ok", "RateLimited"],
      bad: [["request of 10.0.0.1"], "InvalidToken", "RateLimited"]
    }
  ],
  [
    "a handshake for alice's socket",
    (gate, token) => gate.admitSocket(token, request(), alice),
    {
      anyone: [["request of 10.0.0.1"], "ok", "RateLimited"],
      service: [[], "ok", "ok"],
      alice: [["request of 10.0.0.1"], "ok", "RateLimited"],
      bob: [["request of 10.0.0.1"], "Forbidden", "RateLimited"],
      bad: [["request of 10.0.0.1"], "InvalidToken", "RateLimited"]
    }
  ],
  [
    "a new token for alice's socket",
    (gate, token) => gate.renewSocket(token, alice),
    {
      service: [[], "ok", "ok"],
      alice: [[], "ok", "ok"],
      bob: [[], "Forbidden", "Forbidden"],
      bad: [[], "InvalidToken", "InvalidToken"]
    }
  ],
  [
    "a send as alice",
    (gate, token) => gate.permitSend(callers[token]!, alice),
    {
      anyone: [["send of 1"], "ok", "RateLimited"],
      service: [[], "ok", "ok"],
      alice: [["send of 1"], "ok", "RateLimited"],
      bob: [[], "Forbidden", "Forbidden"]
    }
  ],
  [
    "a search as alice",
    (gate, token) => gate.permitSearch(callers[token]!, request(), alice),
    {
      anyone: [["search of 1", "request of 10.0.0.1"], "ok", "RateLimited"],
      service: [[], "ok", "ok"],
      alice: [["search of 1", "request of 10.0.0.1"], "ok", "RateLimited"],
      bob: [[], "Forbidden", "Forbidden"]
    }
  ],
  ...(
    [
      ["an edit", "ChangeMessages", "send"],
      ["a change of a group", "ChangeConversations", "send"],
      ["a new group", "MakeGroup", "group"],
      ["a reaction", "React", "react"],
      ["a word of typing", "Type", "type"],
      ["a block", "ChangeBlocks", "act"],
      ["a report", "Report", "act"]
    ] as const
  ).map(([what, _tag, rate]): (typeof decisions)[number] => [
    `${what} of alice`,
    (gate, token) => gate.permitAct(callers[token]!, { _tag, as: alice }),
    {
      anyone: [[`${rate} of 1`], "ok", "RateLimited"],
      service: [[], "ok", "ok"],
      alice: [[`${rate} of 1`], "ok", "RateLimited"],
      bob: [[], "Forbidden", "Forbidden"]
    }
  ])
]

describe("the gate decides", () => {
  for (const [what, decide, rules] of decisions) {
    for (const [token, [expected, left, exhausted]] of Object.entries(rules)) {
      it.effect(`${what} with the token of ${token}: ${left}, without a rate left: ${exhausted}`, () =>
        Effect.gen(function* () {
          const open = yield* gateWith({})
          assert.strictEqual(yield* tagOf(decide(open.gate, token)), left)
          assert.deepStrictEqual(open.taken, expected)
          const closed = yield* gateWith({ exhausted: true })
          assert.strictEqual(yield* tagOf(decide(closed.gate, token)), exhausted)
        })
      )
    }
  }

  it.effect("that a caller is one of the policy, with no rate", () =>
    Effect.gen(function* () {
      const { gate, taken } = yield* gateWith({ exhausted: true })
      assert.strictEqual(yield* tagOf(gate.permit(callers.alice!, { _tag: "ReadHistory", of: alice })), "ok")
      assert.strictEqual(
        yield* tagOf(gate.permit(callers.bob!, { _tag: "ReadHistory", of: alice })),
        "Forbidden"
      )
      assert.isEmpty(taken)
    })
  )

  it.effect("by the address that a trusted proxy names", () =>
    Effect.gen(function* () {
      const { gate, taken } = yield* gateWith({
        settings: { trustedProxies: [IpNetwork.fromStringUnsafe("10.0.0.0/8")] }
      })
      yield* gate.admit("alice", request({ "x-forwarded-for": "198.51.100.1" }))
      assert.deepStrictEqual(taken, ["request of 198.51.100.1"])
    })
  )
})

describe("the gate, for a suspended user,", () => {
  const asAlice: ReadonlyArray<
    readonly [
      string,
      (gate: Gate["Service"], token: string) => Effect.Effect<unknown, { readonly _tag: string }>
    ]
  > = [
    ["a send", (gate, token) => gate.permitSend(callers[token]!, alice)],
    ["a reaction", (gate, token) => gate.permitAct(callers[token]!, { _tag: "React", as: alice })],
    ["an action", (gate, token) => gate.permitAction(callers[token]!, alice)],
    ["a block", (gate, token) => gate.permit(callers[token]!, { _tag: "ChangeBlocks", as: alice })],
    ["a socket", (gate, token) => gate.admitSocket(token, request(), alice)],
    ["a new token of a socket", (gate, token) => gate.renewSocket(token, alice)]
  ]
  for (const [what, decide] of asAlice) {
    it.effect(`refuses ${what} to every caller, and gives the reason only to those who may act for it`, () =>
      Effect.gen(function* () {
        const { gate, taken } = yield* gateWith({ suspended: true })
        for (const token of ["anyone", "service", "alice"])
          assert.strictEqual(yield* tagOf(decide(gate, token)), "Suspended")
        assert.strictEqual(yield* tagOf(decide(gate, "bob")), "Forbidden")
        assert.isEmpty(taken.filter((rate) => rate.endsWith("of 1")))
      })
    )
  }

  it.effect("permits what reads, and everything once the suspension ended", () =>
    Effect.gen(function* () {
      const { gate, disconnects } = yield* gateWith({ suspended: true })
      assert.strictEqual(yield* tagOf(gate.permit(callers.alice!, { _tag: "ReadHistory", of: alice })), "ok")
      const order = { userId: alice, age: 0, closeCode: 4003, tokensNotBefore: undefined }
      disconnects.learn([{ ...order, orderedAt: 2, isSuspended: false }])
      assert.strictEqual(yield* tagOf(gate.permitSend(callers.alice!, alice)), "ok")
    })
  )

  it.effect("believes the later of two orders, and of one order the later reading", () =>
    Effect.gen(function* () {
      const { disconnects } = yield* gateWith({ suspended: true })
      const order = { userId: alice, age: 0, closeCode: 4002, tokensNotBefore: undefined }
      // Answered as of before the suspension, beside which it was given.
      disconnects.learn([{ ...order, orderedAt: 2, isSuspended: false }])
      assert.isFalse(disconnects.isSuspended(alice))
      disconnects.learn([{ ...order, orderedAt: 2, isSuspended: true }])
      assert.isTrue(disconnects.isSuspended(alice))
      disconnects.learn([{ ...order, orderedAt: 1, isSuspended: false }])
      assert.isTrue(disconnects.isSuspended(alice))
    })
  )
})

describe("the gate is open", () => {
  const cases = [
    ["open", "auto", true],
    ["open", "off", true],
    ["open", "on", false],
    ["required", "auto", false],
    ["required", "off", false]
  ] as const
  for (const [auth, rateLimits, isOpen] of cases) {
    it.effect(`${isOpen ? "" : "not "}with AUTH=${auth} and RATE_LIMITS=${rateLimits}`, () =>
      Effect.gen(function* () {
        const { gate } = yield* gateWith({ settings: { auth, rateLimits } })
        assert.strictEqual(gate.isOpen, isOpen)
      })
    )
  }
})
