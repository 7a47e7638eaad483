import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Disconnects } from "../../src/access/Disconnects.ts"
import { Identities } from "../../src/access/Identities.ts"
import { ExternalId, type User, UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { ErasureRepo } from "../../src/repo/ErasureRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { settings } from "../support/Services.ts"

it.effect(
  "users of external ids are cached until the database has another history, which assigns ids a second time",
  () =>
    Effect.gen(function* () {
      let id = UserId.make(50)
      const services = yield* Layer.build(
        Identities.layer.pipe(
          Layer.provide([
            Layer.mock(UserRepo, { findExternal: () => Effect.sync(() => ({ id }) as User) }),
            Layer.mock(ProfileRepo, {}),
            Layer.mock(ErasureRepo, {}),
            Disconnects.layer
          ]),
          Layer.provide(settings({})),
          Layer.provideMerge(Layer.fresh(Epoch.layerMemory))
        )
      )
      const resolved = Context.get(services, Identities).resolve({
        caller: { _tag: "Subject", externalId: ExternalId.make("x"), profile: {} },
        issuedAt: undefined,
        expiresAt: undefined
      })
      const member = (userId: UserId) => ({ caller: { _tag: "Member", userId } }) as const

      assert.deepInclude(yield* resolved, member(UserId.make(50)))
      id = UserId.make(51)
      assert.deepInclude(yield* resolved, member(UserId.make(50)))

      Context.get(services, Epoch).observe("another history")
      yield* Effect.yieldNow
      assert.deepInclude(yield* resolved, member(UserId.make(51)))
    })
)
