import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, type Scope } from "effect"
import { SearchBounds } from "../../src/repo/SearchBounds.ts"
import type { ReposLayer } from "../repo/Conversations.ts"
import { embeddedRepos, memoryRepos, newUsers, postgresRepos, reposOn } from "../repo/Repos.ts"
import { databaseUrl, freshDatabase } from "../support/Services.ts"
import { reposServer } from "./model/ReposServer.ts"
import { atOnce, inTurn, seedOf } from "./model/Run.ts"

/** So that searches ask the index for most of what they find. */
const searchBounds = Layer.succeed(SearchBounds, { lookThrough: 5, patience: 10_000 })

const userIds = Effect.map(newUsers(6), (users) => users.map(({ id }) => id))

/** Says the seed with a failure: `MODEL_SEED=…` repeats the operations. */
const seeded = <A, E, R extends Scope.Scope>(run: (seed: number) => Effect.Effect<A, E, R>) => {
  const seed = seedOf()
  const say = Effect.sync(() => console.error(`MODEL_SEED=${seed}`))
  return Effect.scoped(Effect.onError(run(seed), () => say))
}

const model = <E>(name: string, repos: ReposLayer<E>, operations: number) =>
  it.live(
    `${operations} operations ${name} come to what a plain model says, for clients that follow and that load anew, and for searches`,
    () =>
      seeded((seed) =>
        Effect.gen(function* () {
          const users = yield* userIds
          const { model } = yield* inTurn(seed, users, [yield* reposServer], operations)
          assert.isAbove(model.messages.size, operations / 10)
        }).pipe(Effect.provide(Layer.provide(repos, searchBounds)))
      ),
    120_000
  )

model("in memory", memoryRepos, 1500)
model("on the embedded database", embeddedRepos, 400)

describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () => {
  model("on PostgreSQL", postgresRepos, 800)

  it.live(
    "operations at the same time on two servers leave all clients with what a fresh load has",
    () =>
      seeded((seed) =>
        Effect.gen(function* () {
          const settings = yield* freshDatabase
          const servers = yield* Effect.replicateEffect(
            Effect.flatMap(Layer.build(Layer.provide(reposOn(settings), searchBounds)), (repos) =>
              Effect.map(Effect.provideContext(reposServer, repos), (server) => ({ server, repos }))
            ),
            2
          )
          const users = yield* Effect.provideContext(userIds, servers[0]!.repos)
          yield* atOnce(
            seed,
            users,
            servers.map(({ server }) => server),
            60,
            16
          )
        })
      ),
    120_000
  )
})
