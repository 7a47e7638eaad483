import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { MAX_USER_ID, UserId } from "../../src/domain/User.ts"
import { StaleListRepo } from "../../src/repo/StaleListRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { embeddedRepos, memoryRepos, newUsers, postgresRepos } from "./Repos.ts"

const MANY = 10_000

/** Users whose lists are the only ones that are marked, and their ids. */
const onlyUsers = Effect.fnUntraced(function* (count: number) {
  const lists = yield* StaleListRepo
  yield* lists.unmark(yield* lists.marked(0, MANY))
  return (yield* newUsers(count)).map(({ id }) => id)
})

const markedUsers = StaleListRepo.use((lists) =>
  Effect.map(lists.marked(0, MANY), (marked) => marked.map(({ userId }) => userId))
)

const staleListRepoContract = <E>(name: string, repos: Layer.Layer<UserRepo | StaleListRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`StaleListRepo: ${name}`, (it) => {
    it.effect("a list is marked, however often, until its mark is taken back", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const users = yield* onlyUsers(3)
        for (const userId of [...users, ...users.toReversed()]) yield* lists.mark(userId)
        assert.deepEqual(yield* markedUsers, users)

        const marked = yield* lists.marked(0, MANY)
        yield* lists.unmark(marked.filter(({ userId }) => userId !== users[1]))

        assert.deepEqual(yield* markedUsers, [users[1]])
      })
    )

    it.effect("a list that was marked again stays marked, however the marks before it are taken back", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const [user] = yield* onlyUsers(1)
        yield* lists.mark(user!)
        const first = yield* lists.marked(0, MANY)
        yield* lists.mark(user!)
        yield* lists.unmark(first)
        assert.deepEqual(yield* markedUsers, [user])

        yield* lists.unmark(yield* lists.marked(0, MANY))
        assert.deepEqual(yield* markedUsers, [])
        yield* lists.mark(user!)
        yield* lists.unmark(first)
        assert.deepEqual(yield* markedUsers, [user])
      })
    )

    it.effect("lists are answered page by page, in the order of their users", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const users = yield* onlyUsers(5)
        yield* Effect.forEach(users.toReversed(), lists.mark)

        const first = yield* lists.marked(0, 3)
        const second = yield* lists.marked(first.at(-1)!.userId, 3)

        assert.deepEqual(
          [first, second].map((page) => page.map(({ userId }) => userId)),
          [users.slice(0, 3), users.slice(3)]
        )
      })
    )

    it.effect("an id that no user can have is not marked", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const [user] = yield* onlyUsers(1)
        const ids = [user!, UserId.make(MAX_USER_ID + 1), UserId.make(3_000_000_000)]

        yield* Effect.forEach(ids, lists.mark, { concurrency: "unbounded" })

        assert.deepEqual(yield* markedUsers, [user])
      })
    )

    it.effect("lists that are marked and looked after by many at once are all marked in the end", () =>
      Effect.gen(function* () {
        const lists = yield* StaleListRepo
        const users = yield* onlyUsers(20)
        const lookAfter = Effect.flatMap(lists.marked(0, MANY), lists.unmark)
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
