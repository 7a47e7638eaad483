import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import type { User } from "../../src/domain/User.ts"
import { MAX_USER_ID, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { ErasureRepo } from "../../src/repo/ErasureRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  during,
  erase,
  finish,
  group,
  groupDraft,
  MAXIMUM,
  order,
  type ReposLayer,
  readBy,
  refusal,
  say,
  told
} from "./Conversations.ts"
import {
  draft,
  embeddedRepos,
  memoryRepos,
  newPair,
  newUsername,
  newUsers,
  postgresRepos,
  sendOne,
  verdicts
} from "./Repos.ts"

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

const react = (
  by: User,
  message: { readonly id: Parameters<EditRepo["Service"]["react"]>[1] },
  emoji = "👍"
) => EditRepo.use((repo) => repo.react(by.id, message.id, emoji))

const directOf = (by: User, other: User) =>
  ConversationRepo.use((repo) => Effect.flatMap(repo.createDirect(by.id, other.id), ({ value }) => value))

const find = (user: User, id: ConversationId) => ConversationRepo.use((repo) => repo.find(user.id, id))

const erasureRepoContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`ErasureRepo: ${name}`, (it) => {
    describe("an order", () => {
      it.effect("deletes the user at once, and frees its name", () =>
        Effect.gen(function* () {
          const [before, alice, bob] = yield* three
          const hikes = yield* group(alice, [bob])
          const { message } = yield* sendOne(draft(alice, bob))

          const erasure = yield* order(alice)

          assert.strictEqual(erasure.user_id, alice.id)
          assert.isNull(erasure.finished_at)
          const users = yield* UserRepo
          assert.strictEqual(yield* refusal(users.find(alice.id)), "UserNotFound")
          assert.deepEqual(yield* users.list(0, 1, before.id), [bob])
          assert.strictEqual((yield* users.create(alice.username, "another")).username, alice.username)
          assert.strictEqual(yield* refusal(InboxRepo.use((repo) => repo.find(alice.id))), "UserNotFound")
          const repo = yield* MessageRepo
          assert.deepEqual(verdicts(yield* repo.send([draft(alice, bob), draft(bob, alice)])), [
            "SenderNotFound",
            "ReceiverNotFound"
          ])
          assert.deepEqual(verdicts(yield* repo.sendToGroups([groupDraft(alice, hikes)])), ["NotMember"])
          assert.strictEqual((yield* repo.find(bob.id, message.id)).sender_username, `deleted-${alice.id}`)
          const conversations = yield* ConversationRepo
          assert.strictEqual(
            yield* refusal(conversations.putMember(bob.id, hikes.id, alice.id, "admin", MAXIMUM)),
            "RoleForbids"
          )
          const more = yield* group(bob, [])
          assert.strictEqual(
            yield* refusal(conversations.putMember(bob.id, more.id, alice.id, undefined, MAXIMUM)),
            "MembersNotFound"
          )
        })
      )

      it.effect("may be repeated, and tells how far the erasure is", () =>
        Effect.gen(function* () {
          const { alice } = yield* newPair
          const repo = yield* ErasureRepo
          const { erasure: first, isNew } = yield* repo.order(alice.id)
          assert.isTrue(isNew)
          assert.deepEqual(yield* repo.order(alice.id), { erasure: first, isNew: false })
          yield* finish(alice)
          const { finished_at, ...rest } = yield* order(alice)
          assert.isNotNull(finished_at)
          assert.deepEqual(rest, { user_id: alice.id, ordered_at: first.ordered_at })
        })
      )

      it.effect("is found by the external id that the user had, the last one of several", () =>
        Effect.gen(function* () {
          const repo = yield* ErasureRepo
          const externalId = `auth0|${newUsername()}`
          const put = Effect.flatMap(
            ProfileRepo.use((profiles) => profiles.put(externalId, {})),
            ({ value }) => value
          )
          const first = yield* put
          yield* SuspensionRepo.use((suspensions) => suspensions.suspend(first.id))
          assert.isUndefined(yield* repo.findErased(externalId))
          const { ordered_at } = yield* order(first)
          assert.deepEqual(yield* repo.findErased(externalId), {
            userId: first.id,
            orderedAt: Date.parse(ordered_at),
            wasSuspended: true
          })

          const second = yield* put
          yield* order(second)
          yield* order((yield* newPair).alice)

          const { userId, wasSuspended } = (yield* repo.findErased(externalId))!
          assert.deepEqual({ userId, wasSuspended }, { userId: second.id, wasSuspended: false })
        })
      )

      it.effect("of an unknown user is refused", () =>
        Effect.gen(function* () {
          const repo = yield* ErasureRepo
          for (const id of [MAX_USER_ID, MAX_USER_ID + 1])
            assert.strictEqual(yield* refusal(repo.order(UserId.make(id))), "UserNotFound")
        })
      )
    })

    describe("a claim", () => {
      it.effect("is answered with each unfinished erasure once, until its lease is over", () =>
        Effect.gen(function* () {
          const repo = yield* ErasureRepo
          const users = yield* newUsers(2)
          yield* Effect.forEach(users, order)
          const claimed: Array<number | undefined> = []
          while (claimed.at(-1) !== undefined || claimed.length === 0) claimed.push(yield* repo.claim)
          for (const { id } of users)
            assert.lengthOf(
              claimed.filter((claim) => claim === id),
              1
            )
          yield* Effect.forEach(users, (user) => finish(user))
        })
      )
    })

    describe("an erasure", () => {
      it.effect("takes the user out of its groups, and hands them over as if it left", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          yield* changed(
            ConversationRepo.use((repo) => repo.putMember(a.id, hikes.id, c.id, "admin", MAXIMUM))
          )

          const { told } = yield* during([b, c], erase(a))

          const about = { conversation_id: hikes.id, by: a.id, member_count: 2 }
          const removed = { type: "member_removed", ...about, user_id: a.id }
          for (const frames of told) {
            assert.deepEqual(frames[0], removed)
            assert.deepInclude(frames[1], { type: "member_updated", ...about })
            assert.lengthOf(frames, 2)
          }
          const { members } = yield* ConversationRepo.use((repo) =>
            repo.members(b.id, hikes.id, undefined, 10)
          )
          assert.deepEqual(
            members.map(({ user_id, role }) => [user_id, role]),
            [
              [b.id, "member"],
              [c.id, "owner"]
            ]
          )
        })
      )

      it.effect("leaves a direct conversation with a user whose name is gone", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob, "secret", "c1"))
          yield* sendOne({ ...draft(bob, alice, "answer"), reply_to_id: message.id })
          const { id } = yield* directOf(bob, alice)

          const { told } = yield* during([bob], erase(alice))

          const peer = {
            user_id: alice.id,
            username: `deleted-${alice.id}`,
            display_name: "",
            last_read_id: 0
          }
          assert.deepEqual((yield* find(bob, id)).with, peer)
          assert.strictEqual((yield* find(bob, id)).member_count, 1)
          const [updated, deleted, ...others] = told[0]!
          assert.deepEqual((updated!.conversation as { with: unknown }).with, peer)
          const read = yield* readBy(bob, id)
          const { deleted_at } = read[0]!
          assert.deepEqual(deleted, {
            type: "message_deleted",
            message_id: message.id,
            conversation_id: id,
            sender_id: alice.id,
            deleted_at,
            sender_username: peer.username
          })
          assert.deepEqual(others, [])
          assert.deepEqual(
            read.map(({ content, reply_to }) => [content, reply_to?.content]),
            [
              ["", undefined],
              ["answer", ""]
            ]
          )
          assert.deepEqual(verdicts(yield* (yield* MessageRepo).send([draft(bob, alice, "hello?")])), [
            "ReceiverNotFound"
          ])
        })
      )

      it.effect("takes back the reactions of the user, and tells how many are left", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(b, [a, c])
          const message = yield* say(b, hikes)
          yield* react(a, message)
          yield* react(c, message)
          yield* react(a, message, "🎉")

          const { told } = yield* during([b], erase(a))

          const taken = told[0]!.filter(({ type }) => type === "reaction")
          assert.sameDeepMembers(
            taken.map(({ user_id, emoji, added, count }) => [user_id, emoji, added, count]),
            [
              [a.id, "👍", false, 1],
              [a.id, "🎉", false, 0]
            ]
          )
          assert.deepEqual((yield* readBy(b, hikes.id))[0]!.reactions, [
            { emoji: "👍", count: 1, mine: false }
          ])
        })
      )

      it.effect("shows nothing of the user in a replay of what was told before", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const named = yield* (yield* UserRepo).create(newUsername(), "Secret Name")
          const hikes = yield* group(b, [a, c])
          yield* changed(
            ConversationRepo.use((repo) => repo.putMember(b.id, hikes.id, named.id, undefined, MAXIMUM))
          )
          yield* say(named, hikes, "secret word", { metadata: { a: "secret field" } })
          yield* directOf(named, c)
          // One who left keeps what it was told.
          yield* changed(ConversationRepo.use((repo) => repo.removeMember(c.id, hikes.id, c.id)))

          yield* erase(named)

          for (const user of [a, b, c]) {
            const replay = JSON.stringify(yield* told(user))
            assert.notInclude(replay, "ecret")
            assert.notInclude(replay, named.username)
            assert.include(replay, `deleted-${named.id}`)
          }
        })
      )

      it.effect("goes in steps that are bounded by rows and by events, and ends where it began anew", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(b, [a, c])
          for (let i = 0; i < 7; i++) yield* sendOne(draft(a, b, `direct ${i}`))
          for (let i = 0; i < 7; i++) yield* say(a, hikes, `group ${i}`)
          const repo = yield* ErasureRepo
          yield* order(a)

          const deleted: Array<number> = []
          for (;;) {
            const { appended, isDone } = yield* repo.step(a.id, { rows: 3, events: 4 })
            if (isDone) break
            const facts = appended.filter(({ fact }) => fact.type === "message_deleted")
            assert.isAtMost(facts.length, 3)
            assert.isAtMost(facts.flatMap(({ places }) => places).length, 4)
            deleted.push(...facts.map(({ fact }) => fact.message!.id))
          }
          assert.deepEqual(
            deleted,
            deleted.toSorted((x, y) => x - y)
          )
          assert.lengthOf(new Set(deleted), 14)
          const { appended } = yield* repo.step(a.id, { rows: 2, events: 6 })
          assert.deepEqual(appended, [])
        })
      )

      it.effect("knows whom the user wrote with", () =>
        Effect.gen(function* () {
          const users = yield* newUsers(4)
          const [a, b, c, d] = users as [User, User, User, User]
          for (const [one, other] of [
            [b, a],
            [c, b],
            [b, d]
          ] as const)
            yield* sendOne(draft(one, other))
          const repo = yield* ErasureRepo
          assert.deepEqual(yield* repo.peers(b.id, 0, 2), [a.id, c.id])
          assert.deepEqual(yield* repo.peers(b.id, c.id, 2), [d.id])
        })
      )
    })
  })

erasureRepoContract("memory", memoryRepos)
erasureRepoContract("embedded", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with PostgreSQL", () => {
  erasureRepoContract("PostgreSQL", postgresRepos)
})
