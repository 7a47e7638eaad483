import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer, Result } from "effect"
import { MAX_USER_ID, UserId } from "../../src/domain/User.ts"
import type { InboxRepo } from "../../src/repo/InboxRepo.ts"
import type { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { embeddedRepos, memoryRepos, newUsername, newUsers, postgresRepos } from "./Repos.ts"

const userRepoContract = <E>(
  name: string,
  repos: Layer.Layer<UserRepo | ProfileRepo | MessageRepo | InboxRepo, E>
) =>
  layer(repos, { excludeTestServices: true })(`UserRepo: ${name}`, (it) => {
    it.effect("a new user is found as it was made", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const username = newUsername()

        const made = yield* users.create(username, "Alice Liddell")

        assert.deepEqual(Object.keys(made), ["id", "username", "display_name", "created_at"])
        assert.strictEqual(made.username, username)
        assert.strictEqual(made.display_name, "Alice Liddell")
        assert.match(made.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.deepEqual(yield* users.find(made.id), made)
      })
    )

    it.effect("a username that is taken is refused and changes nothing", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const username = newUsername()
        const first = yield* users.create(username, "first")
        const before = yield* users.list(0, 1000)

        const error = yield* Effect.flip(users.create(username, "second"))

        assert.strictEqual(error._tag, "UsernameTaken")
        assert.include(error, { username })
        assert.deepEqual(yield* users.list(0, 1000), before)
        assert.deepEqual(yield* users.find(first.id), first)
      })
    )

    it.effect("of many that ask for one username at the same moment, one gets it", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const username = newUsername()

        const outcomes = yield* Effect.replicateEffect(Effect.result(users.create(username, "me")), 10, {
          concurrency: "unbounded"
        })

        const [taken, made] = [outcomes.filter(Result.isFailure), outcomes.filter(Result.isSuccess)]
        assert.lengthOf(made, 1)
        assert.isTrue(taken.every(({ failure }) => failure._tag === "UsernameTaken"))
      })
    )

    it.effect("usernames that differ in case differ", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const username = `a${newUsername()}`

        const lower = yield* users.create(username, "lower")
        const upper = yield* users.create(username.toUpperCase(), "upper")

        assert.notStrictEqual(upper.id, lower.id)
        assert.strictEqual((yield* users.find(upper.id)).username, username.toUpperCase())
      })
    )

    it.effect(
      "a username that looks like another one in another script is refused, and changes nothing",
      () =>
        Effect.gen(function* () {
          const users = yield* UserRepo
          const username = `a${newUsername().replace(/./g, (digit) => "bcdefghijknopqrs"[Number.parseInt(digit, 16)]!)}`
          yield* users.create(username, "first")
          const before = yield* users.list(0, 1000)

          for (const imitation of [username.replace("a", "\u0430"), username.replace("a", "\u03b1")]) {
            const error = yield* Effect.flip(users.create(imitation, "second"))
            assert.include(error, { _tag: "UsernameTaken", username: imitation, isAlike: true })
          }
          assert.include(yield* Effect.flip(users.create(username, "second")), { isAlike: false })
          assert.deepEqual(yield* users.list(0, 1000), before)
        })
    )

    it.effect("of many that ask at the same moment for names that look the same, one gets its own", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const rest = newUsername()
        const forms = ["A", "\u0410", "\u0391", "\uff21", "\u13aa"].map((letter) => letter + rest)

        const outcomes = yield* Effect.forEach(forms, (name) => Effect.result(users.create(name, "me")), {
          concurrency: "unbounded"
        })

        assert.lengthOf(outcomes.filter(Result.isSuccess), 1)
      })
    )

    it.effect("names of one script are names of their own, however alike", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const rest = newUsername()
        const names = ["alice", "Alice", "a1ice", "aIice", "al1ce", "ali\u0441e", "bob0", "bobO"].map(
          (name) => name + rest
        )

        const outcomes = yield* Effect.forEach(names, (name) => Effect.result(users.create(name, name)))

        assert.deepEqual(
          outcomes.map((outcome) => Result.isSuccess(outcome)),
          [true, true, true, true, true, false, true, true]
        )
      })
    )

    it.effect("names keep every character, also where one takes four bytes", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const username = `${newUsername()}${"𝔄".repeat(18)}`

        const { id } = yield* users.create(username, "👩‍🚀'\"\\\n\t".padEnd(100, "é"))

        const found = yield* users.find(id)
        assert.strictEqual(found.username, username)
        assert.strictEqual(found.display_name, "👩‍🚀'\"\\\n\t".padEnd(100, "é"))
      })
    )

    it.effect("users are listed by ascending id, a page at a time", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const skip = (yield* users.list(0, 1000)).length
        const made = yield* newUsers(5)

        const all = yield* users.list(0, 1000)

        assert.deepEqual(
          all,
          all.toSorted((a, b) => a.id - b.id)
        )
        assert.deepEqual(all.slice(skip), made)
        assert.deepEqual(yield* users.list(skip, 3), made.slice(0, 3))
        assert.deepEqual(yield* users.list(skip + 3, 3), made.slice(3))
        assert.deepEqual(yield* users.list(skip + 5, 3), [])
        assert.deepEqual(yield* users.list(2_147_483_647, 1000), [])
      })
    )

    it.effect("usernames that are one under normalisation are one name, whichever came first", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const rest = newUsername()
        for (const forms of [
          ["\u00e9", "e\u0301"],
          ["\uff41", "a"],
          ["\uae40", "\u1100\u1175\u11b7"],
          ["\u0958", "\u0915\u093c"]
        ]) {
          for (const [i, [first, second]] of [forms, forms.toReversed()].entries()) {
            const made = yield* users.create(`${first}${i}${rest}`, "first")
            const error = yield* Effect.flip(users.create(`${second}${i}${rest}`, "second"))
            assert.include(error, { _tag: "UsernameTaken", isAlike: false })
            assert.strictEqual(made.username, `${first}${i}${rest}`)
            assert.deepEqual(yield* users.named(`${second}${i}${rest}`), made)
          }
        }
      })
    )

    it.effect("a user is found by its whole username, in the case that it has", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const username = `a${newUsername()}`
        const made = yield* users.create(username, "Somebody")

        assert.deepEqual(yield* users.named(username), made)
        for (const other of [username.toUpperCase(), username.slice(1), `${username}a`, "%", ""])
          assert.isUndefined(yield* users.named(other), other)
      })
    )

    const names = (found: ReadonlyArray<{ readonly display_name: string }>) =>
      found.map(({ display_name }) => display_name)

    it.effect("users are found by how a name of theirs begins, whatever the case, each once", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const rest = newUsername()
        const make = (username: string, displayName: string) =>
          users.create(username + newUsername().slice(0, 10), displayName)
        yield* make("xyz", `${rest} Zoë`)
        yield* make(rest, `${rest.toUpperCase()} Anna`)
        yield* make("uvw", `${rest} ÄNNE`)
        yield* make("uvw", `not ${rest}`)
        const search = (prefix: string, skip = 0, limit = 10, afterId?: UserId) =>
          users.search({ prefix, skip, limit, afterId })

        const all = [`${rest.toUpperCase()} Anna`, `${rest} ÄNNE`, `${rest} Zoë`]
        assert.deepEqual(names(yield* search(rest.toUpperCase())), all)
        assert.deepEqual(names(yield* search(`${rest} ä`)), [`${rest} ÄNNE`])
        assert.deepEqual(names(yield* search(`${rest} a\u0308nn`)), [`${rest} ÄNNE`])
        assert.deepEqual(names(yield* search(rest, 1, 1)), all.slice(1, 2))
        for (const wildcards of ["%", "_", `${rest}%`, `${rest.slice(0, -1)}_`, "\\", "\u{10ffff}"])
          assert.deepEqual(names(yield* search(wildcards)), [], wildcards)

        const paged: Array<string> = []
        for (let page = yield* search(rest, 0, 1); page.length > 0; ) {
          paged.push(...names(page))
          page = yield* search(rest, 0, 1, page[0]!.id)
        }
        assert.deepEqual(paged, all)
      })
    )

    it.effect("a search goes by what a user is called now", () =>
      Effect.gen(function* () {
        const [users, profiles] = [yield* UserRepo, yield* ProfileRepo]
        const [before, after] = [newUsername(), newUsername()]
        const { id } = yield* users.create(newUsername(), before)
        yield* profiles.update(id, { display_name: after })

        const search = (prefix: string) => users.search({ prefix, skip: 0, limit: 10 })
        assert.deepEqual(names(yield* search(before)), [])
        assert.deepEqual(names(yield* search(after.toUpperCase())), [after])
        yield* profiles.update(id, { display_name: null })
        assert.deepEqual(names(yield* search(after)), [])
      })
    )

    it.effect("an id that nobody has is not found, also one above the column's range", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        yield* newUsers(1)

        for (const id of [MAX_USER_ID, MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER, 1e300]) {
          const error = yield* Effect.flip(users.find(UserId.make(id)))
          assert.strictEqual(error._tag, "UserNotFound")
          assert.include(error, { userId: id })
        }
      })
    )
  })

userRepoContract("memory", memoryRepos)
userRepoContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  userRepoContract("PostgreSQL", postgresRepos)
)
