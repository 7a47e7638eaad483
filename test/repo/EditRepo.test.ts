import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { User } from "../../src/domain/User.ts"
import { MAX_USER_ID, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { type Edit, EditRepo } from "../../src/repo/EditRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { databaseUrl, databaseWith } from "../support/Services.ts"
import {
  changed,
  during,
  type Frame,
  group,
  MAXIMUM,
  NO_MESSAGE_ID,
  type ReposLayer,
  readBy,
  refusal,
  say,
  unchanged
} from "./Conversations.ts"
import {
  draft,
  embeddedRepos,
  memoryRepos,
  newPair,
  newUsers,
  postgresRepos,
  reposOn,
  sendOne
} from "./Repos.ts"

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

const find = (user: User, message: { readonly id: Edit["messageId"] }) =>
  MessageRepo.use((repo) => repo.find(user.id, message.id))

const editRepoContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`EditRepo: ${name}`, (it) => {
    const edit = (
      by: User,
      message: { readonly id: Edit["messageId"] },
      content: string,
      more: Partial<Edit> = {}
    ) =>
      EditRepo.use((repo) =>
        repo.edit({
          by: by.id,
          messageId: message.id,
          content,
          version: undefined,
          metadata: undefined,
          ...more
        })
      )
    const remove = (by: User, message: { readonly id: Edit["messageId"] }) =>
      EditRepo.use((repo) => repo.remove(by.id, message.id))
    const react = (by: User, message: { readonly id: Edit["messageId"] }, emoji: string) =>
      EditRepo.use((repo) => repo.react(by.id, message.id, emoji))
    const unreact = (by: User, message: { readonly id: Edit["messageId"] }, emoji: string) =>
      EditRepo.use((repo) => repo.unreact(by.id, message.id, emoji))

    describe("an edit", () => {
      it.effect("makes the next version, and is an event for all members with the message as it is", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          const message = yield* say(b, hikes, "helo", { metadata: { a: 1 }, client_id: "c1" })

          const { value, told } = yield* during([a, b, c], changed(edit(b, message, "hello")))

          const { edited_at, ...rest } = value
          assert.deepEqual(rest, { ...message, content: "hello", version: 2 })
          assert.isAtLeast(Date.parse(edited_at!), Date.parse(message.timestamp))
          const frame = { type: "message_updated", ...value }
          assert.deepEqual(told, [[frame], [frame], [frame]])
          assert.deepEqual(yield* find(c, message), value)
          assert.deepEqual(yield* readBy(a, hikes.id), [value])
          assert.strictEqual((yield* changed(edit(b, message, "hello!"))).version, 3)
        })
      )

      it.effect("of a direct message is an event for both", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob, "helo"))

          const { value, told } = yield* during([alice, bob], changed(edit(alice, message, "hello")))

          assert.deepEqual(told, [
            [{ type: "message_updated", ...value }],
            [{ type: "message_updated", ...value }]
          ])
          const { messages } = yield* MessageRepo.use((repo) => repo.received(bob.id, 1))
          assert.deepEqual(messages, [value])
        })
      )

      it.effect("replaces or removes the metadata, and leaves it when none is given", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne({ ...draft(alice, bob, "x"), metadata: { a: 1 } })

          assert.deepInclude(yield* changed(edit(alice, message, "y")), { metadata: { a: 1 } })
          assert.deepInclude(yield* changed(edit(alice, message, "y", { metadata: { b: 2 } })), {
            metadata: { b: 2 },
            version: 3
          })
          assert.notProperty(yield* changed(edit(alice, message, "y", { metadata: null })), "metadata")
        })
      )

      it.effect("that changes nothing makes no version and has no event, so a repeat is safe", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne({ ...draft(alice, bob, "x"), metadata: { a: 1, b: [2] } })

          assert.deepEqual(yield* unchanged(edit(alice, message, "x")), message)
          assert.deepEqual(
            yield* unchanged(edit(alice, message, "x", { metadata: { b: [2], a: 1 } })),
            message
          )
          const edited = yield* changed(edit(alice, message, "y", { version: 1 }))
          assert.deepEqual(yield* unchanged(edit(alice, message, "y", { version: 1 })), edited)
        })
      )

      it.effect("of another version than the editor knows is refused with the one that there is", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob, "x"))
          yield* changed(edit(alice, message, "y", { version: 1 }))

          for (const version of [1, 3]) {
            const error = yield* Effect.flip(edit(alice, message, "z", { version }))
            assert.include(error, { _tag: "VersionConflict", version: 2 })
          }
          assert.include(yield* changed(edit(alice, message, "z", { version: 2 })), { version: 3 })
        })
      )

      it.effect("is for the author alone", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const message = yield* say(b, yield* group(a, [b]))

          const { told } = yield* during(
            [a, b],
            Effect.gen(function* () {
              assert.strictEqual(yield* refusal(edit(a, message, "x")), "NotAuthor")
              assert.strictEqual(yield* refusal(edit(c, message, "x")), "NotMember")
              assert.strictEqual(yield* refusal(edit(b, { id: NO_MESSAGE_ID }, "x")), "MessageNotFound")
              for (const id of [MAX_USER_ID, MAX_USER_ID + 1]) {
                assert.strictEqual(
                  yield* refusal(edit({ ...a, id: UserId.make(id) }, message, "x")),
                  "NotMember"
                )
              }
            })
          )
          assert.deepEqual(told, [[], []])
        })
      )

      it.effect("of a deleted message is refused, also to the same text", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob, "x"))
          yield* changed(remove(alice, message))

          for (const content of ["x", "", "y"]) {
            assert.strictEqual(yield* refusal(edit(alice, message, content)), "MessageDeleted")
          }
        })
      )

      it.effect("at the same time as others of one version is made once", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob, "x"))

          const { value, told } = yield* during(
            [bob],
            Effect.forEach(
              Array.from({ length: 8 }, (_, i) => `${i}`),
              (content) => Effect.result(edit(alice, message, content, { version: 1 })),
              { concurrency: "unbounded" }
            )
          )

          assert.lengthOf(
            value.filter(({ _tag }) => _tag === "Success"),
            1
          )
          assert.lengthOf(told[0]!, 1)
          assert.strictEqual((yield* find(bob, message)).version, 2)
        })
      )
    })

    describe("a deletion", () => {
      it.effect("leaves that there was a message, and by whom", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          const quoted = yield* say(a, hikes)
          const message = yield* say(b, hikes, "secret", { metadata: { a: 1 }, reply_to_id: quoted.id })
          yield* changed(edit(b, message, "secrets"))
          yield* changed(react(c, message, "👍"))

          const { value, told } = yield* during([a, b, c], changed(remove(b, message)))

          const { deleted_at } = value
          const { metadata: _, reply_to: __, ...rest } = message
          assert.deepEqual(value, { ...rest, content: "", deleted_at: deleted_at! })
          const frame = {
            type: "message_deleted",
            message_id: message.id,
            conversation_id: hikes.id,
            sender_id: b.id,
            deleted_at
          }
          assert.deepEqual(told, [[frame], [frame], [frame]])
          assert.deepEqual(yield* find(c, message), value)
          assert.deepEqual(yield* unchanged(remove(b, message)), value)
          assert.deepEqual(yield* unchanged(remove(a, message)), value)
        })
      )

      it.effect("is for the author, and in a group for its owner and admins", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [owner, admin, member] = yield* three
          const [stranger] = yield* newUsers(1)
          const { id } = yield* group(owner, [admin, member])
          yield* changed(repo.putMember(owner.id, id, admin.id, "admin", MAXIMUM))
          const byOwner = yield* say(owner, { id })
          const byMember = yield* say(member, { id })

          assert.strictEqual(yield* refusal(remove(member, byOwner)), "RoleForbids")
          assert.strictEqual(yield* refusal(remove(stranger!, byOwner)), "NotMember")
          assert.strictEqual(yield* refusal(remove(owner, { id: NO_MESSAGE_ID })), "MessageNotFound")
          yield* changed(remove(admin, byOwner))
          yield* changed(remove(owner, byMember))
        })
      )

      it.effect(
        "is for the author also after it left, and when it came back to a history without the message",
        () =>
          Effect.gen(function* () {
            const repo = yield* ConversationRepo
            const [a, b] = yield* three
            const hikes = yield* group(a, [b], { history: "joined" })
            const first = yield* say(b, hikes, "first", { metadata: { a: 1 } })
            const second = yield* say(b, hikes, "second")
            yield* changed(repo.removeMember(b.id, hikes.id, b.id))

            const { told } = yield* during([a, b], changed(remove(b, first)))

            assert.deepEqual(
              told.map((frames) => frames.map(({ type }) => type)),
              [["message_deleted"], []]
            )
            const { content, metadata } = yield* find(a, first)
            assert.deepEqual([content, metadata], ["", undefined])
            assert.strictEqual(yield* refusal(edit(b, second, "x")), "NotMember")
            yield* unchanged(remove(b, first))

            yield* changed(repo.putMember(a.id, hikes.id, b.id, undefined, MAXIMUM))
            assert.strictEqual(yield* refusal(edit(b, second, "x")), "MessageNotFound")
            yield* changed(remove(b, second))
          })
      )

      it.effect("of another's direct message is refused", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob))

          assert.strictEqual(yield* refusal(remove(bob, message)), "RoleForbids")
          yield* changed(remove(alice, message))
        })
      )

      it.effect("at the same time from several sides has one event", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const hikes = yield* group(alice, [bob])
          const message = yield* say(bob, hikes)

          const { value, told } = yield* during(
            [alice, bob],
            Effect.all(
              [alice, bob, alice, bob].map((by) => remove(by, message)),
              { concurrency: "unbounded" }
            )
          )

          assert.lengthOf(
            value.filter(({ appended }) => appended.length > 0),
            1
          )
          assert.deepEqual(
            told.map(({ length }) => length),
            [1, 1]
          )
        })
      )
    })

    describe("a reply", () => {
      it.effect("shows what it quotes as it is now, to 200 characters", () =>
        Effect.gen(function* () {
          const [a, b] = yield* three
          const hikes = yield* group(a, [b])
          const quoted = yield* say(a, hikes, "👩‍🚀x".repeat(80))
          const reply = yield* say(b, hikes, "yes", { reply_to_id: quoted.id })
          const quote = (content: string) => ({ id: quoted.id, sender_id: a.id, content })

          assert.deepEqual(reply.reply_to, quote([..."👩‍🚀x".repeat(80)].slice(0, 200).join("")))
          assert.deepEqual(yield* find(a, reply), reply)
          yield* changed(edit(a, quoted, "short"))
          assert.deepEqual((yield* find(b, reply)).reply_to, quote("short"))
          yield* changed(remove(a, quoted))
          assert.deepEqual((yield* find(b, reply)).reply_to, quote(""))
        })
      )
    })

    describe("a reaction", () => {
      const counts = (...reactions: ReadonlyArray<readonly [string, number, boolean]>) =>
        reactions.map(([emoji, count, mine]) => ({ emoji, count, mine }))

      it.effect("is counted, shown to each as its own or not, and an event for all with the count", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          const message = yield* say(a, hikes)
          yield* changed(react(a, message, "👍"))

          const { value, told } = yield* during([a, b, c], changed(react(b, message, "👍")))

          assert.deepEqual(value, { ...message, reactions: counts(["👍", 2, true]) })
          const frame: Frame = {
            type: "reaction",
            message_id: message.id,
            conversation_id: hikes.id,
            user_id: b.id,
            emoji: "👍",
            added: true,
            count: 2
          }
          assert.deepEqual(told, [[frame], [frame], [frame]])
          yield* changed(react(c, message, "🎉"))
          assert.deepEqual((yield* find(a, message)).reactions, counts(["👍", 2, true], ["🎉", 1, false]))
          assert.deepEqual(
            (yield* readBy(c, hikes.id))[0]!.reactions,
            counts(["👍", 2, false], ["🎉", 1, true])
          )
          const { last_message } = yield* ConversationRepo.use((repo) => repo.find(b.id, hikes.id))
          assert.deepEqual(last_message?.reactions, counts(["👍", 2, true], ["🎉", 1, false]))
        })
      )

      it.effect("has its place by how many there are, then by the code points of the emoji", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const message = yield* say(a, yield* group(a, [b, c]))
          // By their UTF-16 code units, the second one would come before the first.
          const [plain, light, party] = ["✌️", "✌🏻", "🎉"] as const
          const shown = Effect.map(find(a, message), ({ reactions }) =>
            reactions?.map(({ emoji, count }) => [emoji, count])
          )
          for (const emoji of [party, light, plain]) yield* changed(react(b, message, emoji))
          assert.deepEqual(yield* shown, [
            [plain, 1],
            [light, 1],
            [party, 1]
          ])
          yield* changed(react(c, message, party))
          assert.deepEqual(yield* shown, [
            [party, 2],
            [plain, 1],
            [light, 1]
          ])
          yield* changed(unreact(b, message, party))
          yield* changed(unreact(b, message, plain))
          yield* changed(react(b, message, plain))
          assert.deepEqual(yield* shown, [
            [plain, 1],
            [light, 1],
            [party, 1]
          ])
        })
      )

      it.effect("is shown in the history and the received messages of a direct conversation", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob))
          const expected = yield* changed(react(bob, message, "👍"))

          const received = yield* repo.received(bob.id, 1)
          const history = yield* repo.history({ userId: alice.id, skip: 0, limit: 1 })

          assert.deepEqual(received.messages, [expected])
          assert.deepEqual(history.messages, [{ ...message, reactions: counts(["👍", 1, false]) }])
        })
      )

      it.effect("is safe to repeat, and to take back twice", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob))

          const reacted = yield* changed(react(bob, message, "👍"))
          assert.deepEqual(yield* unchanged(react(bob, message, "👍")), reacted)
          const { value, told } = yield* during([alice], changed(unreact(bob, message, "👍")))
          assert.deepEqual(value, message)
          assert.deepEqual(
            told[0]!.map(({ added, count }) => [added, count]),
            [[false, 0]]
          )
          assert.deepEqual(yield* unchanged(unreact(bob, message, "👍")), message)
          assert.deepEqual(yield* unchanged(unreact(alice, message, "🎉")), message)
        })
      )

      it.effect("made by many at once, and twice by each, has one event each, with ascending counts", () =>
        Effect.gen(function* () {
          const users = (yield* newUsers(6)) as [User, ...Array<User>]
          const hikes = yield* group(users[0], users.slice(1))
          const message = yield* say(users[0], hikes)

          const { told } = yield* during(
            users,
            Effect.forEach([...users, ...users], (user) => react(user, message, "👍"), {
              concurrency: "unbounded"
            })
          )

          for (const frames of told) {
            assert.deepEqual(
              frames.map(({ count }) => count),
              [1, 2, 3, 4, 5, 6]
            )
            assert.sameMembers(
              frames.map(({ user_id }) => user_id),
              users.map(({ id }) => id)
            )
          }
        })
      )

      it.effect("has at most twenty kinds on a message", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob))
          const emojis = Array.from({ length: 21 }, (_, i) => String.fromCodePoint(0x1f600 + i))
          yield* Effect.forEach(emojis.slice(0, 20), (emoji) => changed(react(alice, message, emoji)))

          assert.strictEqual(yield* refusal(react(bob, message, emojis[20]!)), "TooManyReactions")
          yield* changed(react(bob, message, emojis[3]!))
          yield* unchanged(react(alice, message, emojis[3]!))
          yield* changed(unreact(alice, message, emojis[0]!))
          yield* changed(react(bob, message, emojis[20]!))
        })
      )

      it.effect("is for members, and for messages that are not deleted", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const message = yield* say(a, yield* group(a, [b]))

          for (const call of [react(c, message, "👍"), unreact(c, message, "👍")]) {
            assert.strictEqual(yield* refusal(call), "NotMember")
          }
          assert.strictEqual(yield* refusal(react(a, { id: NO_MESSAGE_ID }, "👍")), "MessageNotFound")
          yield* changed(react(b, message, "👍"))
          yield* changed(remove(a, message))
          assert.strictEqual(yield* refusal(react(a, message, "👍")), "MessageDeleted")
          assert.notProperty(yield* unchanged(unreact(b, message, "👍")), "reactions")
        })
      )
    })

    describe("what was sent before a member joined", () => {
      it.effect("and is not for it to read, it gets no event of", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, late] = yield* three
          const hikes = yield* group(a, [b], { history: "joined" })
          const before = yield* say(a, hikes, "before")
          const reply = yield* say(b, hikes, "reply", { reply_to_id: before.id })
          yield* changed(repo.putMember(a.id, hikes.id, late.id, "admin", MAXIMUM))

          const { told } = yield* during(
            [b, late],
            Effect.gen(function* () {
              yield* changed(edit(a, before, "changed"))
              yield* changed(react(a, before, "👍"))
              yield* changed(unreact(a, before, "👍"))
              yield* changed(remove(b, reply))
              const calls: ReadonlyArray<
                Effect.Effect<unknown, { readonly _tag: string }, EditRepo | MessageRepo>
              > = [
                edit(late, before, "x"),
                remove(late, before),
                react(late, before, "👍"),
                unreact(late, before, "👍"),
                find(late, before)
              ]
              for (const call of calls) assert.strictEqual(yield* refusal(call), "MessageNotFound")
            })
          )

          assert.deepEqual(
            told.map((frames) => frames.map(({ type }) => type)),
            [["message_updated", "reaction", "reaction", "message_deleted"], []]
          )
        })
      )

      it.effect("is an event where members read the whole history", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, late] = yield* three
          const hikes = yield* group(a, [b])
          const before = yield* say(a, hikes, "before")
          yield* changed(repo.putMember(a.id, hikes.id, late.id, undefined, MAXIMUM))

          const { told } = yield* during([late], changed(edit(a, before, "changed")))

          assert.deepEqual(
            told[0]!.map(({ content }) => content),
            ["changed"]
          )
        })
      )

      it.effect("is not quoted where somebody may not read it", () =>
        Effect.gen(function* () {
          const repo = yield* ConversationRepo
          const [a, b, late] = yield* three
          const hikes = yield* group(a, [b], { history: "joined" })
          const before = yield* say(a, hikes, "before")
          yield* changed(repo.putMember(a.id, hikes.id, late.id, undefined, MAXIMUM))

          assert.strictEqual(yield* refusal(say(a, hikes, "re", { reply_to_id: before.id })), "QuoteNotFound")
          yield* changed(repo.removeMember(a.id, hikes.id, late.id))
          yield* say(a, hikes, "re", { reply_to_id: before.id })
        })
      )
    })
  })

editRepoContract("memory", memoryRepos)
editRepoContract("embedded database", embeddedRepos)
/** A database that writes times in another time zone than UTC. */
const elsewhere = Layer.unwrap(
  Effect.map(databaseWith("", ["ALTER DATABASE $name SET timezone = 'Asia/Kathmandu'"]), reposOn)
)

const timeZones = () =>
  layer(elsewhere, { excludeTestServices: true })("in a database of another time zone", (it) => {
    it.effect("the times of edits and deletions are in UTC", () =>
      Effect.gen(function* () {
        const edits = yield* EditRepo
        const { alice, bob } = yield* newPair
        const { message } = yield* sendOne(draft(alice, bob, "helo"))
        const by = { by: alice.id, messageId: message.id }
        const isUtc = (time: string | undefined) => {
          assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
          assert.isBelow(Math.abs(Date.parse(time!) - Date.parse(message.timestamp)), 3_600_000)
        }

        yield* edits.edit({ ...by, content: "hello", version: undefined, metadata: undefined })
        isUtc((yield* find(bob, message)).edited_at)
        yield* edits.remove(alice.id, message.id)
        isUtc((yield* find(bob, message)).deleted_at)
      })
    )
  })

describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () => {
  editRepoContract("PostgreSQL", postgresRepos)
  timeZones()
})
