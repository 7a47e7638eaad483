import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { StaleListRepo } from "../../src/repo/StaleListRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { embeddedRepos, memoryRepos, newUsers, postgresRepos } from "./Repos.ts"

const MANY = 10_000

/** Users whose lists are the only ones that are marked, and their ids. */
const onlyUsers = Effect.fnUntraced(function* (count: number) {
  const lists = yield* StaleListRepo
  yield* lists.unmark(yield* lists.marked(MANY))
  return (yield* newUsers(count)).map(({ id }) => id)
})

const markedUsers = StaleListRepo.use((lists) =>
  Effect.map(lists.marked(MANY), (marked) => marked.map(({ userId }) => userId).sort((a, b) => a - b))
)

const staleListRepoContract = <E>(name: string, repos: Layer.Layer<UserRepo | StaleListRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`StaleListRepo: ${name}`, (it) => {
    it.effect("a list is marked, however often, until its mark is taken back", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const users = yield* onlyUsers(3)
        for (const userId of [...users, ...users.toReversed()]) yield* lists.mark(userId)
        assert.deepEqual(yield* markedUsers, users)

        const marked = yield* lists.marked(MANY)
        yield* lists.unmark(marked.filter(({ userId }) => userId !== users[1]))

        assert.deepEqual(yield* markedUsers, [users[1]])
      })
    )

    it.effect("a list that was marked again stays marked, however the marks before it are taken back", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const [user] = yield* onlyUsers(1)
        yield* lists.mark(user!)
        const first = yield* lists.marked(MANY)
        yield* lists.mark(user!)
        yield* lists.unmark(first)
        assert.deepEqual(yield* markedUsers, [user])

        yield* lists.unmark(yield* lists.marked(MANY))
        assert.deepEqual(yield* markedUsers, [])
        yield* lists.mark(user!)
        yield* lists.unmark(first)
        assert.deepEqual(yield* markedUsers, [user])
      })
    )

    it.effect("no more lists are answered than were asked for", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const users = yield* onlyUsers(5)
        yield* Effect.forEach(users, lists.mark)

        assert.lengthOf(yield* lists.marked(3), 3)
        assert.lengthOf(yield* lists.marked(MANY), 5)
      })
    )

    it.effect("lists that are marked and looked after by many at once are all marked in the end", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const users = yield* onlyUsers(20)
        const lookAfter = Effect.flatMap(lists.marked(MANY), lists.unmark)
        const markAll = Effect.forEach(users, lists.mark, { concurrency: "unbounded" })

        yield* Effect.all(
          Array.from({ length: 40 }, (_, i) =>
            i % 2 === 0 ? lookAfter : Effect.delay(markAll, `${i} millis`)
          ),
          { concurrency: "unbounded" }
        )
        yield* markAll

        assert.deepEqual(yield* markedUsers, users)
      })
    )
  })

staleListRepoContract("memory", memoryRepos)
staleListRepoContract("embedded database", embeddedRepos)

describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () => {
  staleListRepoContract("PostgreSQL", postgresRepos)
})
