import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { ConversationEntry } from "../../src/domain/Conversation.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  during,
  group,
  MAXIMUM,
  NO_MESSAGE_ID,
  newGroup,
  type ReposLayer,
  readBy,
  refusal,
  say,
  unchanged
} from "./Conversations.ts"
import { draft, embeddedRepos, memoryRepos, newPair, newUsers, postgresRepos, sendOne } from "./Repos.ts"

const nobody = { id: UserId.make(MAX_USER_ID) }

/** Ids that the column cannot hold. */
const beyond = [MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER].map((id) => UserId.make(id))

const noConversation = ConversationId.make(9_000_000_000)

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

const conversationRepoContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`ConversationRepo: ${name}`, (it) => {
    describe("a new group", () => {
      it.effect("is answered to its maker, and an event for each member as that member sees it", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const metadata = { colour: "blue", n: [1, null, { é: "👍" }] }

          const { value, told } = yield* during(
            [a, b, c],
            group(a, [c, b, c, a], { metadata, title: "  é 👩‍🚀" })
          )

          const { id, created_at, ...rest } = value
          assert.deepEqual(rest, {
            kind: "group",
            title: "  é 👩‍🚀",
            metadata,
            history: "all",
            created_by: a.id,
            role: "owner",
            member_count: 3
          })
          assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
          const asMember = { ...value, role: "member" }
          assert.deepEqual(told, [
            [{ type: "conversation_added", conversation: value }],
            [{ type: "conversation_added", conversation: asMember }],
            [{ type: "conversation_added", conversation: asMember }]
          ])
        })
      )

      it.effect("is read by its members as in its event, with nothing unread", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* three
          const made = yield* group(a, [b])

          const { last_message, unread, last_read_id, activity, ...rest } = yield* repo.find(a.id, made.id)

          assert.deepEqual(rest, made)
          assert.deepEqual([last_message, unread], [null, 0])
          assert.isAtLeast(last_read_id, 0)
          assert.isAtLeast(activity, 1)
          const { members, next } = yield* repo.members(b.id, made.id, undefined, 10)
          assert.isUndefined(next)
          assert.deepEqual(
            members.map(({ last_read_id: _, ...member }) => member),
            [[a, "owner"] as const, [b, "member"] as const].map(([user, role]) => ({
              user_id: user.id,
              username: user.username,
              display_name: user.display_name,
              role,
              joined_at: made.created_at
            }))
          )
        })
      )

      it.effect("of its maker alone is one, too", () =>
        Effect.gen(function* () {
          const { alice } = yield* newPair
          assert.include(yield* group(alice, []), { member_count: 1, role: "owner" })
        })
      )

      it.effect("is refused as a whole for unknown members, whose ids are answered", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair

          const { told } = yield* during(
            [alice, bob],
            Effect.gen(function* () {
              const error = yield* Effect.flip(
                repo.createGroup(newGroup(alice, [bob, nobody], { clientId: "c1" }), MAXIMUM)
              )
              assert.deepEqual(
                [error._tag, "userIds" in error && error.userIds],
                ["MembersNotFound", [nobody.id]]
              )
              for (const id of beyond) {
                const error = yield* Effect.flip(repo.createGroup(newGroup(alice, [bob, { id }]), MAXIMUM))
                assert.deepEqual([error._tag, "userIds" in error && error.userIds], ["MembersNotFound", [id]])
              }
            })
          )

          assert.deepEqual(told, [[], []])
          assert.deepEqual((yield* repo.list(alice.id, 10, undefined)).conversations, [])
          yield* group(alice, [bob], { clientId: "c1" })
        })
      )

      it.effect("is refused for a maker that does not exist", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { bob } = yield* newPair
          for (const id of [nobody.id, ...beyond]) {
            assert.strictEqual(
              yield* refusal(repo.createGroup(newGroup({ id }, [bob]), MAXIMUM)),
              "UserNotFound"
            )
          }
        })
      )

      it.effect("has at most as many members as a group may have", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three

          assert.strictEqual(yield* refusal(repo.createGroup(newGroup(a, [b, c]), 2)), "GroupFull")
          assert.include(yield* changed(repo.createGroup(newGroup(a, [b, b, a]), 2)), { member_count: 2 })
        })
      )

      it.effect("with a client id is made once, also by calls at the same time", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair
          const make = repo.createGroup(newGroup(alice, [bob], { clientId: "c1" }), MAXIMUM)

          const { value, told } = yield* during(
            [alice, bob],
            Effect.replicateEffect(make, 10, { concurrency: "unbounded" })
          )

          const groups = yield* Effect.forEach(value, ({ value }) => value)
          assert.strictEqual(new Set(groups.map(({ id }) => id)).size, 1)
          assert.lengthOf(
            value.filter(({ appended }) => appended.length > 0),
            1
          )
          assert.deepEqual(
            told.map((frames) => frames.map(({ type }) => type)),
            [["conversation_added"], ["conversation_added"]]
          )
        })
      )

      it.effect("with a client id conflicts with another title, unless the group was changed since", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair
          const make = (title: string) =>
            repo.createGroup(newGroup(alice, [bob], { clientId: "c1", title }), MAXIMUM)
          const first = yield* changed(make("one"))

          assert.strictEqual(yield* refusal(make("other")), "ClientIdConflict")
          assert.deepEqual(yield* unchanged(make("one")), first)
          const other = yield* changed(
            repo.createGroup(newGroup(bob, [alice], { clientId: "c1", title: "bob's" }), MAXIMUM)
          )
          assert.notStrictEqual(other.id, first.id)

          yield* changed(repo.update(alice.id, first.id, { title: "later" }))
          assert.include(yield* unchanged(make("one")), { id: first.id, title: "later" })
        })
      )
    })

    describe("a direct conversation", () => {
      it.effect("is made once, an event for both with the other one", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair

          const { value, told } = yield* during([alice, bob], changed(repo.createDirect(alice.id, bob.id)))

          const { id: _, created_at: __, ...rest } = value
          const peer = (user: User) => ({
            user_id: user.id,
            username: user.username,
            display_name: user.display_name,
            last_read_id: 0
          })
          assert.deepEqual(rest, {
            kind: "direct",
            history: "all",
            created_by: alice.id,
            member_count: 2,
            with: peer(bob)
          })
          assert.deepEqual(told, [
            [{ type: "conversation_added", conversation: value }],
            [{ type: "conversation_added", conversation: { ...value, with: peer(alice) } }]
          ])
          const again = yield* during(
            [alice, bob],
            Effect.all([
              unchanged(repo.createDirect(alice.id, bob.id)),
              unchanged(repo.createDirect(bob.id, alice.id))
            ])
          )
          assert.deepEqual(again.value, [value, { ...value, with: peer(alice) }])
          assert.deepEqual(again.told, [[], []])
          const { conversations } = yield* repo.list(bob.id, 10, undefined)
          const [{ activity, ...entry }] = conversations as [ConversationEntry]
          assert.deepEqual(entry, {
            ...value,
            with: peer(alice),
            last_message: null,
            unread: 0,
            last_read_id: 0
          })
          // Joining drew it from the numbers of messages.
          assert.isAbove(activity, 0)
        })
      )

      it.effect("is one, whoever asks for it and writes at the same time", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair
          const make = (by: User, other: User) =>
            Effect.flatMap(repo.createDirect(by.id, other.id), ({ value }) =>
              Effect.map(value, ({ id }) => id)
            )
          const write = (from: User, to: User) =>
            Effect.map(sendOne(draft(from, to)), ({ message }) => message.conversation_id!)

          const ids = yield* Effect.all(
            [make(alice, bob), write(bob, alice), make(bob, alice), write(alice, bob)].flatMap((one) => [
              one,
              one
            ]),
            { concurrency: "unbounded" }
          )

          assert.strictEqual(new Set(ids).size, 1)
          const { conversations } = yield* repo.list(alice.id, 10, undefined)
          assert.deepEqual(
            conversations.map(({ id }) => id),
            [ids[0]]
          )
        })
      )

      it.effect("that a message made has no event, and asking for it has none either", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair

          const { value, told } = yield* during([alice, bob], sendOne(draft(alice, bob)))

          assert.deepEqual(
            told.map((frames) => frames.map(({ type }) => type)),
            [["message_sent"], ["message"]]
          )
          const found = yield* unchanged(repo.createDirect(bob.id, alice.id))
          assert.strictEqual(found.id, value.message.conversation_id)
          assert.notProperty(found, "created_by")
        })
      )

      it.effect("is not left behind by a message that was refused", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          yield* sendOne(draft(a, b, "hello", "c1"))
          yield* Effect.flip(sendOne(draft(a, c, "hello", "c1")))

          assert.lengthOf((yield* repo.list(a.id, 10, undefined)).conversations, 1)
          const { value, told } = yield* during([a, c], changed(repo.createDirect(a.id, c.id)))
          assert.strictEqual(value.created_by, a.id)
          assert.deepEqual(
            told.map((frames) => frames.map(({ type }) => type)),
            [["conversation_added"], ["conversation_added"]]
          )
          assert.lengthOf((yield* repo.list(c.id, 10, undefined)).conversations, 1)
        })
      )

      it.effect("is refused with a user that does not exist", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice } = yield* newPair
          for (const id of [nobody.id, ...beyond]) {
            assert.strictEqual(yield* refusal(repo.createDirect(alice.id, id)), "MembersNotFound")
            assert.strictEqual(yield* refusal(repo.createDirect(id, alice.id)), "UserNotFound")
          }
        })
      )

      it.effect("cannot be changed, joined or left", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const { id } = yield* changed(repo.createDirect(a.id, b.id))

          const { told } = yield* during(
            [a, b, c],
            Effect.gen(function* () {
              const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
                repo.update(a.id, id, { title: "x" }),
                repo.putMember(a.id, id, c.id, undefined, MAXIMUM),
                repo.putMember(a.id, id, b.id, "admin", MAXIMUM),
                repo.removeMember(a.id, id, b.id),
                repo.removeMember(a.id, id, a.id)
              ]
              for (const call of calls) assert.strictEqual(yield* refusal(call), "NotAGroup")
            })
          )
          assert.deepEqual(told, [[], [], []])
        })
      )
    })

    describe("access", () => {
      it.effect(
        "is denied to who is no member, and another refusal than that of a conversation that is not there",
        () =>
          Effect.gen(function* () {
            const repo = yield* ConversationRepo
            const [a, b, stranger] = yield* three
            const { id } = yield* group(a, [b])
            const { id: messageId } = yield* say(a, { id })
            const calls = (
              userId: UserId,
              id: ConversationId
            ): ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> => [
              repo.find(userId, id),
              repo.members(userId, id, undefined, 10),
              repo.update(userId, id, { title: "x" }),
              repo.putMember(userId, id, b.id, "admin", MAXIMUM),
              repo.removeMember(userId, id, b.id),
              repo.markRead(userId, id, messageId),
              repo.others(userId, id)
            ]

            for (const userId of [stranger.id, nobody.id, ...beyond]) {
              for (const call of calls(userId, id)) assert.strictEqual(yield* refusal(call), "NotMember")
            }
            for (const userId of [a.id, ...beyond]) {
              for (const call of calls(userId, noConversation)) {
                assert.strictEqual(yield* refusal(call), "ConversationNotFound")
              }
            }
          })
      )

      it.effect("addressees and others are answered", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const { id } = yield* group(b, [a, c])
          const direct = yield* changed(repo.createDirect(b.id, a.id))

          assert.deepEqual(yield* repo.addressees(id), { kind: "group" })
          assert.deepEqual(yield* repo.addressees(direct.id), { kind: "direct", users: [a.id, b.id] })
          assert.isUndefined(yield* repo.addressees(noConversation))
          assert.sameMembers([...(yield* repo.others(b.id, id))], [a.id, c.id])
          assert.deepEqual(yield* repo.others(a.id, direct.id), [b.id])
        })
      )
    })

    describe("the list", () => {
      it.effect("has the newest activity first, each with its last message", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          const toB = (yield* sendOne(draft(b, a, "to a"))).message
          const toC = (yield* sendOne(draft(a, c, "to c"))).message
          const empty = yield* group(c, [a])
          const list = Effect.map(repo.list(a.id, 10, undefined), ({ conversations }) =>
            conversations.map(({ id, last_message }): readonly [unknown, unknown] => [id, last_message])
          )

          assert.deepEqual(yield* list, [
            [empty.id, null],
            [toC.conversation_id, toC],
            [toB.conversation_id, toB],
            [hikes.id, null]
          ])
          const said = yield* say(c, hikes, "late")
          assert.deepEqual((yield* list)[0], [hikes.id, said])
        })
      )

      it.effect("is read page by page", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* three
          const groups = yield* Effect.forEach(Array(5), () => group(a, [b]))
          yield* say(b, groups[1]!)
          const expected = [1, 4, 3, 2, 0].map((i) => groups[i]!.id)

          const pages: Array<ReadonlyArray<ConversationId>> = []
          let before: number | undefined
          do {
            const page = yield* repo.list(a.id, 2, before)
            pages.push(page.conversations.map(({ id }) => id))
            before = page.next
          } while (before !== undefined)

          assert.deepEqual(pages, [expected.slice(0, 2), expected.slice(2, 4), expected.slice(4)])
          assert.isUndefined((yield* repo.list(a.id, 5, undefined)).next)
          assert.deepEqual((yield* repo.list(a.id, 5, 1)).conversations, [])
          assert.lengthOf((yield* repo.list(a.id, 9, Number.MAX_SAFE_INTEGER)).conversations, 5)
          assert.deepEqual([yield* repo.count(a.id, 9), yield* repo.count(a.id, 4)], [5, 4])
          for (const id of [nobody.id, ...beyond]) assert.strictEqual(yield* repo.count(id, 9), 0)
        })
      )

      it.effect("of a user without conversations is empty, and of one that does not exist an error", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice } = yield* newPair
          assert.deepEqual(yield* repo.list(alice.id, 10, undefined), { conversations: [], next: undefined })
          for (const id of [nobody.id, ...beyond]) {
            assert.strictEqual(yield* refusal(repo.list(id, 10, undefined)), "UserNotFound")
          }
        })
      )

      it.effect("counts what others wrote since the last read message, to a hundred", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const edits = yield* EditRepo
          const [a, b, c] = yield* three
          const { id } = yield* group(a, [b, c])
          const unread = (user: User) => Effect.map(repo.find(user.id, id), ({ unread }) => unread)
          yield* say(a, { id })
          const second = yield* say(b, { id })
          const third = yield* say(c, { id })

          assert.deepEqual([yield* unread(a), yield* unread(b), yield* unread(c)], [2, 2, 2])
          assert.strictEqual((yield* repo.list(a.id, 1, undefined)).conversations[0]!.unread, 2)
          assert.deepInclude(yield* changed(repo.markRead(a.id, id, second.id)), { unread: 1 })
          yield* changed(edits.remove(c.id, third.id))
          assert.deepEqual([yield* unread(a), yield* unread(b), yield* unread(c)], [0, 1, 2])
          yield* Effect.forEach(Array(101), () => say(b, { id }))
          assert.deepEqual([yield* unread(a), yield* unread(b)], [100, 1])
        })
      )
    })

    describe("reading", () => {
      it.effect("moves on, never back, and is an event for the reader's own devices", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const { id } = yield* group(a, [b, c])
          const first = yield* say(b, { id })
          const second = yield* say(b, { id })

          const { value, told } = yield* during([a, b, c], changed(repo.markRead(a.id, id, second.id)))

          assert.deepEqual(value, { last_read_id: second.id, unread: 0 })
          assert.deepEqual(told, [
            [{ type: "read", conversation_id: id, user_id: a.id, message_id: second.id }],
            [],
            []
          ])
          const again = yield* during(
            [a],
            Effect.all([
              unchanged(repo.markRead(a.id, id, second.id)),
              unchanged(repo.markRead(a.id, id, first.id))
            ])
          )
          assert.deepEqual(again.value, [value, value])
          assert.deepEqual(again.told, [[]])
          const { members } = yield* repo.members(b.id, id, undefined, 1)
          assert.strictEqual(members[0]!.last_read_id, second.id)
        })
      )

      it.effect("in a direct conversation is an event for the other one, too", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob))
          const id = message.conversation_id!

          const { told } = yield* during([alice, bob], changed(repo.markRead(bob.id, id, message.id)))

          const read = { type: "read", conversation_id: id, user_id: bob.id, message_id: message.id }
          assert.deepEqual(told, [[read], [read]])
          assert.strictEqual((yield* repo.find(alice.id, id)).with?.last_read_id, message.id)
        })
      )

      it.effect("is refused up to a message that is not there, or of another conversation", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* three
          const { id } = yield* group(a, [b])
          const elsewhere = yield* say(a, yield* group(a, [b]))

          const { told } = yield* during(
            [a, b],
            Effect.gen(function* () {
              for (const messageId of [NO_MESSAGE_ID, elsewhere.id]) {
                assert.strictEqual(yield* refusal(repo.markRead(a.id, id, messageId)), "MessageNotFound")
              }
            })
          )
          assert.deepEqual(told, [[], []])
        })
      )

      it.effect("goes up to a deleted message, too", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* three
          const { id } = yield* group(a, [b])
          const { id: messageId } = yield* say(b, { id })
          yield* EditRepo.use((edits) => edits.remove(b.id, messageId))

          assert.deepEqual(yield* changed(repo.markRead(a.id, id, messageId)), {
            last_read_id: messageId,
            unread: 0
          })
        })
      )
    })

    describe("a change of a group", () => {
      it.effect("is an event for all members alike, without the role of one of them", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const made = yield* group(a, [b, c], { metadata: { a: 1 } })

          const { value, told } = yield* during(
            [a, b, c],
            changed(repo.update(a.id, made.id, { title: "Climbing" }))
          )

          assert.deepEqual(value, { ...made, title: "Climbing" })
          const { role: _, ...conversation } = value
          const frame = { type: "conversation_updated", conversation }
          assert.deepEqual(told, [[frame], [frame], [frame]])
        })
      )

      it.effect("replaces or removes the metadata, and leaves what is not given", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* three
          const made = yield* group(a, [b], { metadata: { a: 1 } })
          const update = (change: Parameters<typeof repo.update>[2]) => repo.update(a.id, made.id, change)

          assert.deepEqual(yield* changed(update({ metadata: { b: [2] } })), {
            ...made,
            metadata: { b: [2] }
          })
          assert.deepEqual(yield* changed(update({ title: "x" })), {
            ...made,
            title: "x",
            metadata: { b: [2] }
          })
          const { metadata: _, ...without } = made
          assert.deepEqual(yield* changed(update({ title: made.title, metadata: null })), without)
          assert.deepEqual(yield* unchanged(update({ metadata: null })), without)
          assert.notProperty(yield* repo.find(b.id, made.id), "metadata")
        })
      )

      it.effect("that changes nothing has no event", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b] = yield* three
          const made = yield* group(a, [b], { metadata: { a: 1, b: { c: [2] } } })

          for (const change of [
            {},
            { title: made.title },
            { metadata: { b: { c: [2] }, a: 1 } },
            { title: made.title, metadata: made.metadata }
          ]) {
            assert.deepEqual(yield* unchanged(repo.update(a.id, made.id, change)), made)
          }
        })
      )

      it.effect("is for its owner and its admins", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const { id } = yield* group(a, [b, c])
          yield* changed(repo.putMember(a.id, id, b.id, "admin", MAXIMUM))

          assert.include(yield* changed(repo.update(b.id, id, { title: "by b" })), {
            title: "by b",
            role: "admin"
          })
          assert.strictEqual(yield* refusal(repo.update(c.id, id, { title: "by c" })), "RoleForbids")
          assert.strictEqual((yield* repo.find(c.id, id)).title, "by b")
        })
      )
    })

    describe("history for who joins", () => {
      it.effect("is all of it, with nothing unread, unless the group says otherwise", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const { id } = yield* group(a, [b])
          const before = yield* say(a, { id }, "before")
          yield* changed(repo.putMember(a.id, id, c.id, undefined, MAXIMUM))

          assert.deepEqual(yield* readBy(c, id), [before])
          assert.deepInclude(yield* repo.find(c.id, id), { unread: 0, last_message: before })
          const after = yield* say(a, { id }, "after")
          assert.deepInclude(yield* repo.find(c.id, id), { unread: 1, last_message: after })
          assert.include(yield* unchanged(repo.markRead(c.id, id, before.id)), { unread: 1 })
        })
      )

      it.effect("begins with the joining where the group says so", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, c] = yield* three
          const { id } = yield* group(a, [b], { history: "joined" })
          const before = yield* say(a, { id }, "before")
          yield* changed(repo.putMember(a.id, id, c.id, undefined, MAXIMUM))

          assert.deepEqual(yield* readBy(c, id), [])
          assert.deepInclude(yield* repo.find(c.id, id), { unread: 0, last_message: null })
          assert.strictEqual(yield* refusal(repo.markRead(c.id, id, before.id)), "MessageNotFound")
          const after = yield* say(a, { id }, "after")
          assert.deepEqual(yield* readBy(c, id), [after])
          assert.deepEqual(yield* readBy(b, id), [before, after])
          assert.deepInclude(yield* repo.find(c.id, id), { unread: 1, last_message: after })
        })
      )
    })
  })

conversationRepoContract("memory", memoryRepos)
conversationRepoContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  conversationRepoContract("PostgreSQL", postgresRepos)
)
