import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { type ExternalUser, MAX_USER_ID, type UserChange, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { changed, during, MAXIMUM, newGroup, type Repos } from "./Conversations.ts"
import { embeddedRepos, memoryRepos, newPair, newUsername, newUsers, postgresRepos } from "./Repos.ts"

const update = (user: { readonly id: UserId }, change: UserChange) =>
  ProfileRepo.use((repo) => changed(repo.update(user.id, change)))

const put = (externalId: string, wanted: ExternalUser = {}) =>
  ProfileRepo.use((repo) => changed(repo.put(externalId, wanted)))

const find = (user: { readonly id: UserId }) => UserRepo.use((repo) => repo.find(user.id))

const URL = "https://example.com/a.png"

const contract = <E>(name: string, repos: Layer.Layer<Repos | ProfileRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`ProfileRepo: ${name}`, (it) => {
    it.effect("a change is kept, what is absent stays, and null removes", () =>
      Effect.gen(function* () {
        const [user] = yield* newUsers(1)

        const whole = { display_name: "Alice Liddell", avatar_url: URL, metadata: { team: ["red"] } }
        const made = yield* update(user!, whole)
        assert.deepEqual(made, { ...user!, ...whole })
        assert.deepEqual(yield* find(user!), made)

        const less = yield* update(user!, { metadata: null })
        assert.deepEqual(less, { ...user!, display_name: "Alice Liddell", avatar_url: URL })
        assert.deepEqual(yield* update(user!, { display_name: null, avatar_url: null }), user)
        assert.deepEqual(yield* find(user!), user)
      })
    )

    it.effect(
      "those who share a conversation get one event without metadata, the user one with it, and nobody else",
      () =>
        Effect.gen(function* () {
          const [alice, bob, carol, stranger] = yield* newUsers(4)
          yield* ConversationRepo.use((repo) => repo.createDirect(alice!.id, bob!.id))
          yield* ConversationRepo.use((repo) => repo.createGroup(newGroup(carol!, [alice!, bob!]), MAXIMUM))

          const { told } = yield* during(
            [alice!, bob!, carol!, stranger!],
            update(alice!, { display_name: "Al", avatar_url: URL })
          )

          const event = { type: "user_updated", user: { ...alice, display_name: "Al", avatar_url: URL } }
          assert.deepEqual(told, [[event], [event], [event], []])
          const { told: none } = yield* during([alice!, bob!], update(alice!, { display_name: "Al" }))
          assert.deepEqual(none, [[], []])

          const metadata = { team: "red" }
          const { told: more } = yield* during([alice!, bob!], update(alice!, { metadata }))
          assert.deepEqual(more, [[{ ...event, user: { ...event.user, metadata } }], [event]])
        })
    )

    it.effect(
      "who shares an old conversation gets the event, however many later ones the same people share",
      () =>
        Effect.gen(function* () {
          const [alice, carol, ...colleagues] = yield* newUsers(52)
          const repo = yield* ConversationRepo
          yield* repo.createDirect(alice!.id, carol!.id)
          // Together these have more members than users may get the event.
          yield* Effect.replicateEffect(
            Effect.suspend(() => repo.createGroup(newGroup(alice!, colleagues), MAXIMUM)),
            21
          )

          const { told } = yield* during([carol!, colleagues[0]!], update(alice!, { display_name: "Al" }))
          const event = { type: "user_updated", user: { ...alice, display_name: "Al" } }
          assert.deepEqual(told, [[event], [event]])
        })
    )

    it.effect("members and the other one of a direct conversation are shown with the profile of now", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const repo = yield* ConversationRepo
        const direct = yield* (yield* repo.createDirect(bob.id, alice.id)).value
        yield* update(alice, { display_name: "Al", avatar_url: URL })

        assert.deepInclude((yield* repo.find(bob.id, direct.id)).with, {
          display_name: "Al",
          avatar_url: URL
        })
        const { members } = yield* repo.members(bob.id, direct.id, undefined, 10)
        assert.deepInclude(members[0], { user_id: alice.id, display_name: "Al", avatar_url: URL })
        assert.notProperty(members[1], "avatar_url")
      })
    )

    it.effect("the id of nobody is not found", () =>
      Effect.gen(function* () {
        for (const id of [MAX_USER_ID, MAX_USER_ID + 1]) {
          assert.include(yield* Effect.flip(update({ id: UserId.make(id) }, { display_name: "x" })), {
            _tag: "UserNotFound"
          })
        }
      })
    )

    it.effect("an external id makes its user once, and changes it then", () =>
      Effect.gen(function* () {
        const [externalId, username] = [`auth0|${newUsername()}`, newUsername()]
        assert.strictEqual(
          (yield* Effect.flip(UserRepo.use((repo) => repo.findExternal(externalId))))._tag,
          "ExternalIdNotFound"
        )

        const made = yield* put(externalId, { username, display_name: "Alice", metadata: { a: 1 } })
        assert.deepEqual(made, {
          id: made.id,
          username,
          display_name: "Alice",
          created_at: made.created_at,
          external_id: externalId,
          metadata: { a: 1 }
        })
        assert.deepEqual(yield* UserRepo.use((repo) => repo.findExternal(externalId)), made)
        // The answer was lost: the call is repeated.
        assert.deepEqual(
          yield* put(externalId, { username, display_name: "Alice", metadata: { a: 1 } }),
          made
        )
        assert.deepEqual(yield* put(externalId), made)
        assert.deepEqual(yield* put(externalId, { avatar_url: URL }), { ...made, avatar_url: URL })
      })
    )

    it.effect("a user is made at its first token, and one that is there stays as it is", () =>
      Effect.gen(function* () {
        const { provision } = yield* ProfileRepo
        const made = yield* provision(newUsername(), { display_name: "Alice" })
        assert.strictEqual(made.display_name, "Alice")
        const externalId = newUsername()
        const known = yield* put(externalId, { display_name: "Bob of the team", metadata: { team: 1 } })
        const { told } = yield* during(
          [known],
          provision(externalId, { display_name: "bob", avatar_url: URL })
        )
        assert.deepEqual(told, [[]])
        assert.deepEqual(yield* provision(externalId, { display_name: "bob" }), known)
        assert.deepEqual(yield* find(known), known)
      })
    )

    it.effect("a user has one username, which is nobody else's", () =>
      Effect.gen(function* () {
        const [externalId, username] = [newUsername(), newUsername()]
        yield* put(externalId, { username })

        assert.include(yield* Effect.flip(put(externalId, { username: newUsername() })), {
          _tag: "UsernameFixed",
          username
        })
        assert.include(yield* Effect.flip(put(newUsername(), { username })), {
          _tag: "UsernameTaken",
          username
        })
      })
    )

    it.effect("of many that ask for one external id at the same moment, all get the one user", () =>
      Effect.gen(function* () {
        for (const wanted of [{}, { username: newUsername() }, { display_name: newUsername() }]) {
          const externalId = newUsername()
          const made = yield* Effect.replicateEffect(put(externalId, wanted), 10, {
            concurrency: "unbounded"
          })
          for (const user of made) assert.deepEqual(user, made[0])
        }
      })
    )

    it.effect("a username is made from the display name, and never from the external id", () =>
      Effect.gen(function* () {
        const name = newUsername().slice(0, 20)
        const first = yield* put(`${newUsername()}@example.com`, { display_name: `  ${name} O'Hara!` })
        assert.strictEqual(first.username, `${name}OHara`)
        const second = yield* put(newUsername(), { display_name: `${name} OHara` })
        assert.match(second.username, new RegExp(`^${name}OHara[0-9a-z]+$`))

        const externalId = `${newUsername()}@example.com`
        for (const wanted of [{}, { display_name: "!?" }, { display_name: "Al" }]) {
          const user = yield* put(externalId + JSON.stringify(wanted), wanted)
          assert.match(user.username, /^user[0-9a-z]{10}$/)
        }
      })
    )

    it.effect("external ids are any text, and differ in every character", () =>
      Effect.gen(function* () {
        const rest = newUsername()
        const ids = ["a|", "A|", "a/", "a%2F", "á", "a\u0301", " ", "https://x.y/?q#", "👩‍🚀", `'"\\\n`].map(
          (id) => id + rest
        )
        const users = yield* Effect.forEach([...ids, "é".repeat(255)], (id) => put(id))
        assert.lengthOf(new Set(users.map(({ id }) => id)), ids.length + 1)
        for (const user of users) assert.deepEqual(yield* put(user.external_id!), user)
      })
    )
  })

contract("memory", memoryRepos)
contract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  contract("PostgreSQL", postgresRepos)
)
