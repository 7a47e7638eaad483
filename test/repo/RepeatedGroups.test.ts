import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { ConversationRepo, type NewGroup } from "../../src/repo/ConversationRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  erase,
  group,
  MAXIMUM,
  newGroup,
  type ReposLayer,
  refusal,
  unchanged
} from "./Conversations.ts"
import { embeddedRepos, memoryRepos, newUsers, postgresRepos } from "./Repos.ts"

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

/** Makes a group with a client id, or repeats that. */
const make = (by: User, members: ReadonlyArray<User>, more: Partial<NewGroup> = {}, maximum = MAXIMUM) =>
  ConversationRepo.use((repo) =>
    repo.createGroup(newGroup(by, members, { clientId: "c1", ...more }), maximum)
  )

const contract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`A repeat of the making of a group: ${name}`, (it) => {
    it.effect("is refused when the maker left the group, or was removed from it", () =>
      Effect.gen(function* () {
        const repo = yield* ConversationRepo
        const [a, b, c] = yield* three
        const { id } = yield* changed(make(a, [b, c]))
        yield* changed(repo.putMember(a.id, id, b.id, "owner", MAXIMUM))
        yield* changed(repo.removeMember(b.id, id, a.id))
        yield* changed(repo.update(b.id, id, { title: "Without you" }))

        assert.strictEqual(yield* refusal(make(a, [b, c])), "NotMember")
        assert.strictEqual(yield* refusal(make(a, [b, c], { title: "Without you" })), "NotMember")
        yield* changed(repo.putMember(b.id, id, a.id, undefined, MAXIMUM))
        assert.include(yield* unchanged(make(a, [b, c])), { id, title: "Without you", role: "member" })
        yield* changed(repo.removeMember(a.id, id, a.id))
        assert.strictEqual(yield* refusal(make(a, [b, c])), "NotMember")
      })
    )

    it.effect("is answered with the group after a member was erased", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const { id } = yield* changed(make(a, [b, c]))
        yield* erase(c)
        assert.include(yield* unchanged(make(a, [b, c])), { id, member_count: 2 })
      })
    )

    it.effect("is answered with the group after the maximum was lowered", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const first = yield* changed(make(a, [b, c]))
        assert.deepEqual(yield* unchanged(make(a, [b, c], {}, 2)), first)
      })
    )

    it.effect(
      "conflicts with another history, and with other metadata unless the group was changed since",
      () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const metadata = { topic: "hills", tags: ["a", "b"] }
          const first = yield* changed(make(a, [b], { metadata }))

          assert.deepEqual(
            yield* unchanged(make(a, [b, c], { metadata: { tags: ["a", "b"], topic: "hills" } })),
            first
          )
          const conflicts = (more: Partial<NewGroup>) =>
            Effect.map(refusal(make(a, [b], more)), (tag) => assert.strictEqual(tag, "ClientIdConflict"))
          yield* conflicts({ metadata: undefined })
          yield* conflicts({ metadata: { ...metadata, tags: ["b", "a"] } })
          yield* conflicts({ metadata, history: "joined" })

          yield* changed(repo.update(a.id, first.id, { metadata: null }))
          assert.include(yield* unchanged(make(a, [b], { metadata })), { id: first.id })
          yield* conflicts({ metadata, history: "joined" })
        })
    )

    it.effect("without a client id makes another group", () =>
      Effect.gen(function* () {
        const [a, b] = yield* three
        assert.notStrictEqual((yield* group(a, [b])).id, (yield* group(a, [b])).id)
      })
    )

    it.effect("that is a first call names all unknown members, also ids that the column cannot hold", () =>
      Effect.gen(function* () {
        const [a, b] = yield* three
        const unknown = [MAX_USER_ID, MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER].map((id) => UserId.make(id))
        const memberIds = [unknown[2]!, b.id, unknown[0]!, unknown[1]!, unknown[2]!]
        const error = yield* Effect.flip(make(a, [], { memberIds }))
        assert.deepEqual("userIds" in error && error.userIds, unknown)
      })
    )
  })

contract("memory", memoryRepos)
contract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  contract("PostgreSQL", postgresRepos)
)
