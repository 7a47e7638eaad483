import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  contentsOf,
  during,
  group,
  MAXIMUM,
  type ReposLayer,
  readBy,
  refusal,
  say,
  unchanged
} from "./Conversations.ts"
import { embeddedRepos, memoryRepos, newUsers, postgresRepos } from "./Repos.ts"

const nobody = UserId.make(MAX_USER_ID)
const beyond = [MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER].map((id) => UserId.make(id))

const four = Effect.map(newUsers(4), (users) => users as [User, User, User, User])

/** The members of a conversation with their roles. */
const rolesIn = Effect.fnUntraced(function* (id: ConversationId, reader: User) {
  const { members } = yield* ConversationRepo.use((repo) => repo.members(reader.id, id, undefined, 100))
  return members.map(({ user_id, role }) => [user_id, role])
})

const membershipContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`Members: ${name}`, (it) => {
    /** A group of an owner, an admin and a member. */
    const staffed = Effect.gen(function* () {
      const repo = yield* ConversationRepo
      const [owner, admin, member, other] = yield* four
      const { id } = yield* group(owner, [admin, member])
      yield* changed(repo.putMember(owner.id, id, admin.id, "admin", MAXIMUM))
      return { repo, id, owner, admin, member, other, all: [owner, admin, member, other] }
    })

    it.effect("are read page by page", () =>
      Effect.gen(function* () {
        const { repo, id, owner, admin, member } = yield* staffed

        const first = yield* repo.members(member.id, id, undefined, 2)
        assert.deepEqual(
          first.members.map(({ user_id }) => user_id),
          [owner.id, admin.id]
        )
        assert.strictEqual(first.next, admin.id)
        const second = yield* repo.members(member.id, id, first.next, 2)
        assert.deepEqual(
          second.members.map(({ user_id }) => user_id),
          [member.id]
        )
        assert.isUndefined(second.next)
        assert.isUndefined((yield* repo.members(member.id, id, undefined, 3)).next)
        for (const after of beyond) {
          assert.deepEqual(yield* repo.members(member.id, id, after, 2), { members: [], next: undefined })
        }
      })
    )

    describe("who is added", () => {
      it.effect("gets the event of the conversation, and the others that of the member", () =>
        Effect.gen(function* () {
          const { repo, id, owner, other, all } = yield* staffed

          const { value, told } = yield* during(
            all,
            changed(repo.putMember(owner.id, id, other.id, undefined, MAXIMUM))
          )

          const { joined_at, last_read_id: _, ...member } = value
          assert.deepEqual(member, {
            user_id: other.id,
            username: other.username,
            display_name: other.display_name,
            role: "member"
          })
          assert.match(joined_at, /Z$/)
          const added = {
            type: "member_added",
            conversation_id: id,
            by: owner.id,
            member_count: 4,
            member: value
          }
          const {
            last_read_id: __,
            unread: ___,
            last_message: ____,
            activity: _____,
            ...conversation
          } = yield* repo.find(other.id, id)
          assert.deepEqual(told, [[added], [added], [added], [{ type: "conversation_added", conversation }]])
          assert.include(conversation, { role: "member", member_count: 4 })
        })
      )

      it.effect("again stays what it is", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member } = yield* staffed

          assert.include(yield* unchanged(repo.putMember(owner.id, id, admin.id, undefined, MAXIMUM)), {
            role: "admin"
          })
          assert.include(yield* unchanged(repo.putMember(admin.id, id, owner.id, undefined, MAXIMUM)), {
            role: "owner"
          })
          assert.include(yield* unchanged(repo.putMember(admin.id, id, member.id, "member", MAXIMUM)), {
            role: "member"
          })
        })
      )

      it.effect("is added by the owner and by admins, and as more than a member by the owner", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member, other } = yield* staffed
          const add = (by: User, role?: "owner" | "admin" | "member") =>
            repo.putMember(by.id, id, other.id, role, MAXIMUM)

          assert.strictEqual(yield* refusal(add(member)), "RoleForbids")
          assert.strictEqual(yield* refusal(add(other)), "NotMember")
          assert.strictEqual(yield* refusal(add(admin, "admin")), "RoleForbids")
          assert.include(yield* changed(add(admin, "member")), { role: "member" })
          yield* changed(repo.removeMember(admin.id, id, other.id))
          assert.include(yield* changed(add(owner, "admin")), { role: "admin" })
        })
      )

      it.effect("must exist, and find a place", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, other, all } = yield* staffed

          const { told } = yield* during(
            all,
            Effect.gen(function* () {
              for (const unknown of [nobody, ...beyond]) {
                const error = yield* Effect.flip(repo.putMember(owner.id, id, unknown, undefined, MAXIMUM))
                assert.deepEqual(
                  [error._tag, "userIds" in error && error.userIds],
                  ["MembersNotFound", [unknown]]
                )
              }
              assert.strictEqual(
                yield* refusal(repo.putMember(owner.id, id, other.id, undefined, 3)),
                "GroupFull"
              )
            })
          )

          assert.deepEqual(told, [[], [], [], []])
          yield* unchanged(repo.putMember(owner.id, id, admin.id, undefined, 3))
          yield* changed(repo.putMember(owner.id, id, other.id, undefined, 4))
        })
      )

      it.effect("at the same time from two sides is added once", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, other, all } = yield* staffed

          const { value, told } = yield* during(
            all,
            Effect.all(
              [owner, admin, owner, admin].map((by) =>
                repo.putMember(by.id, id, other.id, undefined, MAXIMUM)
              ),
              { concurrency: "unbounded" }
            )
          )

          assert.lengthOf(
            value.filter(({ appended }) => appended.length > 0),
            1
          )
          assert.deepEqual(
            told.map((frames) => frames.map(({ type }) => type)),
            [["member_added"], ["member_added"], ["member_added"], ["conversation_added"]]
          )
        })
      )
    })

    describe("roles", () => {
      it.effect("are changed by the owner, with an event for all", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member } = yield* staffed

          const { value, told } = yield* during(
            [owner, admin, member],
            changed(repo.putMember(owner.id, id, member.id, "admin", MAXIMUM))
          )

          assert.include(value, { user_id: member.id, role: "admin" })
          const frame = {
            type: "member_updated",
            conversation_id: id,
            by: owner.id,
            member_count: 3,
            member: value
          }
          assert.deepEqual(told, [[frame], [frame], [frame]])
          assert.strictEqual((yield* repo.find(member.id, id)).role, "admin")
          yield* changed(repo.putMember(owner.id, id, member.id, "member", MAXIMUM))
          for (const [by, of] of [
            [admin, member],
            [admin, admin],
            [member, member],
            [admin, owner]
          ] as const) {
            const role = of === admin ? "member" : "admin"
            assert.strictEqual(yield* refusal(repo.putMember(by.id, id, of.id, role, MAXIMUM)), "RoleForbids")
          }
        })
      )

      it.effect("hand the group over: the owner becomes an admin", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member } = yield* staffed

          const { value, told } = yield* during(
            [owner, admin, member],
            changed(repo.putMember(owner.id, id, member.id, "owner", MAXIMUM))
          )

          assert.include(value, { role: "owner" })
          const about = { type: "member_updated", conversation_id: id, by: owner.id, member_count: 3 }
          const { members } = yield* repo.members(owner.id, id, undefined, 10)
          const before = members.find(({ user_id }) => user_id === owner.id)
          const frames = [
            { ...about, member: value },
            { ...about, member: before }
          ]
          assert.deepEqual(told, [frames, frames, frames])
          assert.deepEqual(yield* rolesIn(id, owner), [
            [owner.id, "admin"],
            [admin.id, "admin"],
            [member.id, "owner"]
          ])
        })
      )

      it.effect("hand the group over to who joins", () =>
        Effect.gen(function* () {
          const { repo, id, owner, other, all } = yield* staffed

          const { told } = yield* during(
            all,
            changed(repo.putMember(owner.id, id, other.id, "owner", MAXIMUM))
          )

          assert.deepEqual(
            told.map((frames) => frames.map(({ type }) => type)),
            [
              ["member_added", "member_updated"],
              ["member_added", "member_updated"],
              ["member_added", "member_updated"],
              ["conversation_added", "member_updated"]
            ]
          )
          assert.deepInclude(yield* rolesIn(id, other), [other.id, "owner"])
          assert.deepInclude(yield* rolesIn(id, other), [owner.id, "admin"])
        })
      )

      it.effect("of an owner cannot be given up", () =>
        Effect.gen(function* () {
          const { repo, id, owner } = yield* staffed
          for (const role of ["admin", "member"] as const) {
            assert.strictEqual(
              yield* refusal(repo.putMember(owner.id, id, owner.id, role, MAXIMUM)),
              "RoleForbids"
            )
          }
        })
      )
    })

    describe("who is removed", () => {
      it.effect("gets its event, and the others one that names the user", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member } = yield* staffed

          const { told } = yield* during(
            [owner, admin, member],
            changed(repo.removeMember(admin.id, id, member.id))
          )

          const removed = {
            type: "member_removed",
            conversation_id: id,
            by: admin.id,
            member_count: 2,
            user_id: member.id
          }
          assert.deepEqual(told, [
            [removed],
            [removed],
            [{ type: "conversation_removed", conversation_id: id, by: admin.id }]
          ])
          assert.strictEqual(yield* refusal(repo.find(member.id, id)), "NotMember")
          assert.deepEqual((yield* repo.list(member.id, 10, undefined)).conversations, [])
          yield* unchanged(repo.removeMember(owner.id, id, member.id))
          yield* unchanged(repo.removeMember(member.id, id, member.id))
        })
      )

      it.effect("gets no more messages, and what came meanwhile when it is back", () =>
        Effect.gen(function* () {
          const { repo, id, owner, member } = yield* staffed
          yield* say(owner, { id }, "one")
          yield* changed(repo.removeMember(owner.id, id, member.id))

          const { told } = yield* during([member], say(owner, { id }, "two"))
          assert.deepEqual(told, [[]])
          assert.strictEqual(yield* refusal(say(member, { id })), "NotMember")
          yield* changed(repo.putMember(owner.id, id, member.id, undefined, MAXIMUM))
          assert.deepEqual(contentsOf(yield* readBy(member, id)), ["one", "two"])
          assert.deepInclude(yield* repo.find(member.id, id), { unread: 0 })
        })
      )

      it.effect("is removed by whom its role allows", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member, other } = yield* staffed
          yield* changed(repo.putMember(owner.id, id, other.id, "admin", MAXIMUM))

          for (const [by, of] of [
            [member, admin],
            [member, owner],
            [admin, other],
            [admin, owner]
          ] as const) {
            assert.strictEqual(yield* refusal(repo.removeMember(by.id, id, of.id)), "RoleForbids")
          }
          yield* changed(repo.removeMember(owner.id, id, other.id))
          yield* changed(repo.removeMember(admin.id, id, member.id))
          yield* changed(repo.removeMember(admin.id, id, admin.id))
          assert.deepEqual(yield* rolesIn(id, owner), [[owner.id, "owner"]])
        })
      )

      it.effect("leaves the group to the oldest admin when it was the owner", () =>
        Effect.gen(function* () {
          const { repo, id, owner, admin, member, other } = yield* staffed
          yield* changed(repo.putMember(owner.id, id, other.id, "admin", MAXIMUM))

          const { told } = yield* during(
            [admin, member, other],
            changed(repo.removeMember(owner.id, id, owner.id))
          )

          assert.deepEqual(yield* rolesIn(id, member), [
            [admin.id, "owner"],
            [member.id, "member"],
            [other.id, "admin"]
          ])
          for (const frames of told) {
            assert.deepEqual(
              frames.map(({ type }) => type),
              ["member_removed", "member_updated"]
            )
            assert.deepInclude(frames[1], { by: owner.id, member_count: 3 })
            assert.deepInclude(frames[1]!.member, { user_id: admin.id, role: "owner" })
          }
        })
      )

      it.effect("leaves the group to the oldest member when there is no admin", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c, d] = yield* four
          const { id } = yield* group(c, [d])
          yield* changed(repo.putMember(c.id, id, b.id, undefined, MAXIMUM))
          yield* changed(repo.putMember(c.id, id, a.id, undefined, MAXIMUM))

          yield* changed(repo.removeMember(c.id, id, c.id))
          assert.deepInclude(yield* rolesIn(id, a), [d.id, "owner"])
          yield* changed(repo.removeMember(d.id, id, d.id))
          assert.deepEqual(yield* rolesIn(id, a), [
            [a.id, "member"],
            [b.id, "owner"]
          ])
        })
      )

      it.effect("may be the last one", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* four
          const { id } = yield* group(a, [])

          const { told } = yield* during([a], changed(repo.removeMember(a.id, id, a.id)))

          assert.deepEqual(told, [[{ type: "conversation_removed", conversation_id: id, by: a.id }]])
          yield* unchanged(repo.removeMember(a.id, id, a.id))
          for (const user of [a, b]) {
            assert.strictEqual(yield* refusal(repo.find(user.id, id)), "NotMember")
            assert.strictEqual(
              yield* refusal(repo.putMember(user.id, id, b.id, undefined, MAXIMUM)),
              "NotMember"
            )
          }
        })
      )
    })
  })

membershipContract("memory", memoryRepos)
membershipContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  membershipContract("PostgreSQL", postgresRepos)
)
