import { assert, describe, layer } from "@effect/vitest"
import { Effect, Result } from "effect"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { MessageId } from "../../src/domain/Message.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { type HistoryQuery, MessageRepo } from "../../src/repo/MessageRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  contentsOf,
  during,
  type Frame,
  group,
  groupDraft,
  headOf,
  NO_MESSAGE_ID,
  type ReposLayer,
  readBy,
  refusal,
  say,
  sendAllToGroups
} from "./Conversations.ts"
import {
  draft,
  embeddedRepos,
  memoryRepos,
  newPair,
  newUsers,
  postgresRepos,
  sendAll,
  sendOne,
  verdicts
} from "./Repos.ts"

const nobody = { id: UserId.make(MAX_USER_ID) }

/** Ids that the column cannot hold. */
const beyond = [MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER].map((id) => ({ id: UserId.make(id) }))

const history = Effect.fnUntraced(function* (query: Partial<HistoryQuery> & Pick<HistoryQuery, "userId">) {
  return (yield* (yield* MessageRepo).history({ skip: 0, limit: 1000, ...query })).messages
})

const contentsOfFrames = (frames: ReadonlyArray<Frame>) => frames.map(({ content }) => content)

const messagesOfConversations = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`MessageRepo, conversations: ${name}`, (it) => {
    describe("to a group", () => {
      it.effect("a message is an event for all members, and not of the original protocol's kind", () =>
        Effect.gen(function* () {
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
          const hikes = yield* group(a, [b, c])
          const content = 'é "quoted" 👩‍🚀'
          const metadata = { a: [1, { b: null }], é: "👍" }
          const one = groupDraft(b, hikes, content, { client_id: "c1", metadata })

          const { value, told } = yield* during([a, b, c], sendAllToGroups([one]))

          const { message, isRepeat, appended } = value[0]!
          const { id: _, timestamp, ...rest } = message
          assert.deepEqual(rest, {
            sender_id: b.id,
            sender_username: b.username,
            content,
            conversation_id: hikes.id,
            metadata
          })
          assert.match(timestamp, /Z$/)
          assert.isFalse(isRepeat)
          const frame = { type: "message", ...message }
          assert.deepEqual(told, [[frame], [{ ...frame, type: "message_sent", client_id: "c1" }], [frame]])
          const heads = yield* Effect.forEach([a, b, c], headOf)
          assert.deepEqual(
            appended.map(({ userId, type, seq }) => [userId, type, seq]),
            [
              [a.id, "group_message", heads[0]],
              [b.id, "group_message_sent", heads[1]],
              [c.id, "group_message", heads[2]]
            ]
          )
          assert.deepEqual(yield* MessageRepo.use((repo) => repo.find(c.id, message.id)), message)
        })
      )

      it.effect("messages of one call keep their order in every inbox, and refused ones take no number", () =>
        Effect.gen(function* () {
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
          const [hikes, climbs] = [yield* group(a, [b, c]), yield* group(b, [c])]
          const drafts = [
            groupDraft(a, hikes, "1"),
            groupDraft(c, climbs, "2"),
            groupDraft(a, climbs, "refused"),
            groupDraft(a, { id: ConversationId.make(9_000_000_000) }, "refused"),
            groupDraft(b, hikes, "refused", { reply_to_id: NO_MESSAGE_ID }),
            groupDraft({ id: nobody.id }, hikes, "refused"),
            groupDraft({ id: beyond[0]!.id }, hikes, "refused"),
            groupDraft(c, hikes, "3"),
            groupDraft(b, climbs, "4")
          ]

          const { value, told } = yield* during(
            [a, b, c],
            MessageRepo.use((repo) => repo.sendToGroups(drafts))
          )

          assert.deepEqual(verdicts(value), [
            "sent",
            "sent",
            "NotMember",
            "ConversationNotFound",
            "QuoteNotFound",
            "NotMember",
            "NotMember",
            "sent",
            "sent"
          ])
          assert.deepEqual(told.map(contentsOfFrames), [
            ["1", "3"],
            ["1", "2", "3", "4"],
            ["1", "2", "3", "4"]
          ])
          const ids = value.flatMap((outcome) =>
            Result.isSuccess(outcome) ? outcome.success.message.id : []
          )
          assert.deepEqual(
            ids,
            ids.toSorted((x, y) => x - y)
          )
          assert.deepEqual(contentsOf(yield* readBy(a, hikes.id)), ["1", "3"])
          assert.deepEqual(yield* MessageRepo.use((repo) => repo.sendToGroups([])), [])
        })
      )

      it.effect(
        "a message that is refused alone takes no number, and the next one of each inbox follows",
        () =>
          Effect.gen(function* () {
            const [a, b, other] = (yield* newUsers(3)) as [User, User, User]
            const hikes = yield* group(a, [b])
            const once = yield* say(a, hikes, "once", { client_id: "c1" })
            const refused = [
              groupDraft(other, hikes, "refused"),
              groupDraft(a, { id: ConversationId.make(9_000_000_000) }, "refused"),
              groupDraft(a, hikes, "refused", { reply_to_id: NO_MESSAGE_ID }),
              groupDraft(a, hikes, "another text", { client_id: "c1" }),
              groupDraft(a, hikes, "once", { client_id: "c1" })
            ]
            const heads = yield* Effect.forEach([a, b, other], headOf)

            const outcomes = yield* MessageRepo.use((repo) =>
              Effect.forEach(refused, (draft) => repo.sendToGroups([draft]))
            )

            assert.deepEqual(verdicts(outcomes.flat()), [
              "NotMember",
              "ConversationNotFound",
              "QuoteNotFound",
              "ClientIdConflict",
              "repeat"
            ])
            const [repeat] = outcomes.at(-1)!
            assert.strictEqual(Result.getOrThrow(repeat!).message.id, once.id)
            assert.deepEqual(yield* Effect.forEach([a, b, other], headOf), heads)
            const { told } = yield* during([a, b], say(a, hikes, "next"))
            assert.deepEqual(told.map(contentsOfFrames), [["next"], ["next"]])
          })
      )

      it.effect("parallel sends with one client id make one message, an event for each once", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const hikes = yield* group(alice, [bob])
          const one = groupDraft(alice, hikes, "once", { client_id: "c1" })

          const { value, told } = yield* during(
            [alice, bob],
            Effect.replicateEffect(sendAllToGroups([one, one]), 10, { concurrency: "unbounded" })
          )

          const sent = value.flat()
          assert.lengthOf(
            sent.filter(({ isRepeat }) => !isRepeat),
            1
          )
          assert.deepEqual(told.map(contentsOfFrames), [["once"], ["once"]])
          for (const { message, appended } of sent) {
            assert.deepEqual(message, sent[0]!.message)
            assert.sameDeepMembers([...appended], [...sent[0]!.appended])
          }
        })
      )

      it.effect("a client id with another content, group or receiver is a conflict, both ways", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { alice, bob } = yield* newPair
          const [hikes, climbs] = [yield* group(alice, [bob]), yield* group(alice, [bob])]
          yield* say(alice, hikes, "hello", { client_id: "c1" })
          yield* sendOne(draft(alice, bob, "hello", "c2"))

          const { value, told } = yield* during(
            [alice, bob],
            Effect.all([
              repo.sendToGroups([
                groupDraft(alice, hikes, "Hello", { client_id: "c1" }),
                groupDraft(alice, climbs, "hello", { client_id: "c1" }),
                groupDraft(alice, hikes, "hello", { client_id: "c2" }),
                groupDraft(alice, hikes, "Hello", { client_id: "c1", reply_to_id: NO_MESSAGE_ID })
              ]),
              repo.send([
                draft(alice, bob, "hello", "c1"),
                { ...draft(alice, bob, "Hello", "c2"), reply_to_id: NO_MESSAGE_ID }
              ])
            ])
          )

          assert.deepEqual(value.map(verdicts), [
            ["ClientIdConflict", "ClientIdConflict", "ClientIdConflict", "ClientIdConflict"],
            ["ClientIdConflict", "ClientIdConflict"]
          ])
          assert.deepEqual(told, [[], []])
        })
      )
    })

    describe("a repeat", () => {
      it.effect("of a message that was edited or deleted since is answered with it as it is now", () =>
        Effect.gen(function* () {
          const edits = yield* EditRepo
          const { alice, bob } = yield* newPair
          const hikes = yield* group(alice, [bob])
          const toGroup = groupDraft(alice, hikes, "helo", { client_id: "c1" })
          const toBob = draft(alice, bob, "helo", "c2")
          const repeat = Effect.all([
            Effect.map(sendAllToGroups([toGroup]), ([sent]) => sent!),
            Effect.map(sendOne(toBob), (sent) => sent)
          ])
          const [first, second] = yield* repeat
          const ids = [first.message.id, second.message.id]
          const edit = (messageId: MessageId) =>
            edits.edit({ by: alice.id, messageId, content: "hello", version: undefined, metadata: undefined })
          const edited = yield* Effect.forEach(ids, (id) => changed(edit(id)))

          const { value, told } = yield* during([alice, bob], repeat)
          assert.deepEqual(
            value.map(({ isRepeat, message }) => ({ isRepeat, message })),
            edited.map((message) => ({ isRepeat: true, message }))
          )
          assert.deepEqual(told, [[], []])
          assert.deepEqual(value[0].appended, first.appended)
          assert.deepEqual(value[1].seqs, second.seqs)

          const deleted = yield* Effect.forEach(ids, (id) => changed(edits.remove(alice.id, id)))
          assert.deepEqual(
            (yield* repeat).map(({ isRepeat, message }) => ({ isRepeat, message })),
            deleted.map((message) => ({ isRepeat: true, message }))
          )
        })
      )

      it.effect("of a reply whose quote was deleted since is one, too", () =>
        Effect.gen(function* () {
          const edits = yield* EditRepo
          const { alice, bob } = yield* newPair
          const hikes = yield* group(alice, [bob])
          const inGroup = yield* say(bob, hikes, "x")
          const { message: direct } = yield* sendOne(draft(bob, alice, "x"))
          const toGroup = groupDraft(alice, hikes, "re", { client_id: "c1", reply_to_id: inGroup.id })
          const toBob = { ...draft(alice, bob, "re", "c2"), reply_to_id: direct.id }
          yield* sendAllToGroups([toGroup])
          yield* sendOne(toBob)
          for (const { id } of [inGroup, direct]) yield* changed(edits.remove(bob.id, id))

          assert.isTrue((yield* sendAllToGroups([toGroup]))[0]!.isRepeat)
          assert.isTrue((yield* sendOne(toBob)).isRepeat)
          assert.strictEqual((yield* sendOne(toBob)).message.reply_to?.content, "")
        })
      )
    })

    describe("a direct message", () => {
      it.effect("makes the conversation of the two, whoever sends first, and belongs to it", () =>
        Effect.gen(function* () {
          const conversations = yield* ConversationRepo
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]

          const sent = yield* sendAll([draft(b, a), draft(a, b), draft(a, c), draft(b, a)])

          const ids = sent.map(({ message }) => message.conversation_id)
          assert.deepEqual(ids, [ids[0], ids[0], ids[2], ids[0]])
          assert.notStrictEqual(ids[0], ids[2])
          const entry = yield* conversations.find(a.id, ids[0]!)
          assert.deepInclude(entry, { kind: "direct", unread: 2, last_message: sent[3]!.message })
          assert.strictEqual(entry.with?.user_id, b.id)
          assert.deepEqual(contentsOf(yield* readBy(b, ids[0]!)), ["hello", "hello", "hello"])
        })
      )

      it.effect("whose client id an earlier one of its call has makes no conversation", () =>
        Effect.gen(function* () {
          const conversations = yield* ConversationRepo
          const [a, b, c, d] = (yield* newUsers(4)) as [User, User, User, User]
          const toNobody = { ...draft(a, b, "hello", "c1"), reply_to_id: NO_MESSAGE_ID }

          const outcomes = yield* MessageRepo.use((repo) =>
            repo.send([toNobody, draft(a, c, "hello", "c1"), draft(a, d, "hello", "c1"), draft(a, d)])
          )

          assert.deepEqual(verdicts(outcomes), ["QuoteNotFound", "sent", "ClientIdConflict", "sent"])
          const withWhom = (user: User) =>
            Effect.map(conversations.list(user.id, 9, undefined), (page) =>
              page.conversations.map((conversation) => conversation.with?.user_id)
            )
          assert.deepEqual(yield* withWhom(a), [d.id, c.id])

          const [, again] = yield* MessageRepo.use((repo) =>
            repo.send([draft(b, c, "hello", "c2"), draft(b, d, "hello", "c2")])
          )
          assert.deepEqual(verdicts([again!]), ["ClientIdConflict"])
          assert.deepEqual(yield* withWhom(b), [c.id])
        })
      )

      it.effect("quotes a message of the two, and none of others", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
          const [toB, toC] = yield* sendAll([draft(a, b, "to b"), draft(a, c, "to c")])
          const inGroup = yield* say(a, yield* group(a, [b]), "to all")
          const reply = (to: User, messageId: MessageId) => ({
            ...draft(a, to, "re"),
            reply_to_id: messageId
          })

          const outcomes = yield* repo.send([
            reply(b, toB!.message.id),
            reply(b, toC!.message.id),
            reply(b, inGroup.id),
            reply(b, NO_MESSAGE_ID),
            reply(c, toC!.message.id)
          ])

          assert.deepEqual(verdicts(outcomes), [
            "sent",
            "QuoteNotFound",
            "QuoteNotFound",
            "QuoteNotFound",
            "sent"
          ])
          const quotes = outcomes.flatMap((outcome) =>
            Result.isSuccess(outcome) ? outcome.success.message.reply_to : []
          )
          assert.deepEqual(quotes, [
            { id: toB!.message.id, sender_id: a.id, content: "to b" },
            { id: toC!.message.id, sender_id: a.id, content: "to c" }
          ])
          assert.deepEqual((yield* history({ userId: b.id, limit: 1 }))[0]!.reply_to, quotes[0])
        })
      )

      it.effect("may not quote one that is deleted", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(alice, bob))
          yield* EditRepo.use((edits) => changed(edits.remove(alice.id, message.id)))

          const outcomes = yield* MessageRepo.use((repo) =>
            repo.send([{ ...draft(bob, alice), reply_to_id: message.id }])
          )
          assert.deepEqual(verdicts(outcomes), ["QuoteNotFound"])
        })
      )
    })

    describe("a conversation's history", () => {
      it.effect("is read backwards and forwards", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { alice, bob } = yield* newPair
          const { id } = yield* group(alice, [bob])
          const ids: Array<MessageId> = []
          for (let i = 0; i < 7; i++) ids.push((yield* say(i % 2 ? alice : bob, { id })).id)
          const page = (query: { beforeId?: MessageId; afterId?: MessageId; skip?: number; limit: number }) =>
            Effect.map(
              repo.ofConversation({ userId: bob.id, conversationId: id, skip: 0, ...query }),
              ({ messages }) => messages.map((message) => ids.indexOf(message.id))
            )

          assert.deepEqual(yield* page({ limit: 3 }), [6, 5, 4])
          assert.deepEqual(yield* page({ limit: 3, skip: 2 }), [4, 3, 2])
          assert.deepEqual(yield* page({ limit: 3, beforeId: ids[4]! }), [3, 2, 1])
          assert.deepEqual(yield* page({ limit: 3, beforeId: ids[1]! }), [0])
          assert.deepEqual(yield* page({ limit: 3, afterId: ids[1]! }), [2, 3, 4])
          assert.deepEqual(yield* page({ limit: 3, afterId: ids[4]!, skip: 1 }), [6])
          assert.deepEqual(yield* page({ limit: 3, afterId: ids[6]! }), [])
          assert.deepEqual(
            yield* page({ limit: 9, beforeId: MessageId.make(Number.MAX_SAFE_INTEGER) }),
            [6, 5, 4, 3, 2, 1, 0]
          )
        })
      )

      it.effect("comes with the head of the reader's inbox", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { alice, bob } = yield* newPair
          const { id } = yield* group(alice, [bob])
          yield* say(alice, { id })

          const { head } = yield* repo.ofConversation({
            userId: bob.id,
            conversationId: id,
            skip: 0,
            limit: 9
          })

          assert.strictEqual(head, yield* headOf(bob))
        })
      )

      it.effect("is for members", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
          const hikes = yield* group(a, [b])
          const message = yield* say(a, hikes)
          const read = (userId: UserId, conversationId: ConversationId) =>
            repo.ofConversation({ userId, conversationId, skip: 0, limit: 9 })

          for (const { id } of [c, nobody, ...beyond]) {
            assert.strictEqual(yield* refusal(read(id, hikes.id)), "NotMember")
            assert.strictEqual(yield* refusal(repo.find(id, message.id)), "NotMember")
          }
          assert.strictEqual(
            yield* refusal(read(a.id, ConversationId.make(9_000_000_000))),
            "ConversationNotFound"
          )
          assert.strictEqual(yield* refusal(repo.find(a.id, NO_MESSAGE_ID)), "MessageNotFound")
        })
      )

      it.effect("of a group is not in the history of direct messages", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { alice, bob } = yield* newPair
          yield* say(alice, yield* group(alice, [bob]))
          const { message } = yield* sendOne(draft(alice, bob))

          assert.deepEqual(yield* history({ userId: alice.id }), [message])
          assert.deepEqual(yield* history({ userId: bob.id, chatWith: alice.id }), [message])
          assert.deepEqual((yield* repo.received(bob.id, 50)).messages, [message])
        })
      )
    })
  })

messagesOfConversations("memory", memoryRepos)
messagesOfConversations("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  messagesOfConversations("PostgreSQL", postgresRepos)
)
