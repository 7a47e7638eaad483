import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect, type Layer, Result } from "effect"
import { MessageId } from "../../src/domain/Message.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { type HistoryQuery, MessageRepo } from "../../src/repo/MessageRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  draft,
  embeddedRepos,
  memoryRepos,
  newPair,
  newUsers,
  postgresRepos,
  sendAll,
  sendOne,
  verdicts,
  withSeqs
} from "./Repos.ts"

const nobody = { id: UserId.make(MAX_USER_ID) }

/** Ids that the column cannot hold. */
const beyond = [MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER].map((id) => ({ id: UserId.make(id) }))

const head = Effect.fnUntraced(function* (user: User) {
  return (yield* (yield* InboxRepo).find(user.id)).head
})

const history = Effect.fnUntraced(function* (query: Partial<HistoryQuery> & Pick<HistoryQuery, "userId">) {
  return (yield* (yield* MessageRepo).history({ skip: 0, limit: 1000, ...query })).messages
})

const messageRepoContract = <E>(name: string, repos: Layer.Layer<UserRepo | MessageRepo | InboxRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`MessageRepo: ${name}`, (it) => {
    describe("send", () => {
      it.effect("a message is answered as it is stored", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const content = 'it\'s "quoted" \\ {a,b} NULL\n\t👩‍🚀 é'

          const { message, isRepeat, seqs } = yield* sendOne(draft(alice, bob, content))

          assert.deepEqual(Object.keys(message), [
            "id",
            "sender_id",
            "sender_username",
            "receiver_id",
            "content",
            "timestamp",
            "conversation_id"
          ])
          assert.include(message, {
            sender_id: alice.id,
            sender_username: alice.username,
            receiver_id: bob.id,
            content
          })
          assert.match(message.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
          assert.isFalse(isRepeat)
          assert.deepEqual(seqs, { sender: 1, receiver: 1 })
          assert.deepEqual(yield* history({ userId: alice.id }), [message])
        })
      )

      it.effect("a thousand characters of four bytes fit, and so does a client id of two hundred", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const one = draft(alice, bob, "🎉".repeat(1000), "🔑".repeat(200))

          const { message } = yield* sendOne(one)

          assert.strictEqual(message.content, one.content)
          assert.deepEqual((yield* sendOne(one)).message, message)
        })
      )

      it.effect("ids and the numbers in each inbox ascend without gap in the order of the drafts", () =>
        Effect.gen(function* () {
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
          const drafts = [draft(a, b), draft(b, a), draft(a, c), draft(c, b), draft(a, b), draft(b, c)]

          const sent = [...(yield* sendAll(drafts.slice(0, 4))), ...(yield* sendAll(drafts.slice(4)))]

          const ids = sent.map(({ message }) => message.id)
          assert.deepEqual(
            ids,
            ids.toSorted((x, y) => x - y)
          )
          assert.strictEqual(new Set(ids).size, 6)
          for (const user of [a, b, c]) {
            const seqs = sent.flatMap(({ message, seqs }) =>
              message.sender_id === user.id
                ? [seqs!.sender]
                : message.receiver_id === user.id
                  ? [seqs!.receiver]
                  : []
            )
            assert.deepEqual(
              seqs,
              seqs.map((_, i) => i + 1)
            )
            assert.strictEqual(yield* head(user), seqs.length)
          }
        })
      )

      it.effect("a call without drafts answers nothing", () =>
        Effect.gen(function* () {
          assert.deepEqual(yield* (yield* MessageRepo).send([]), [])
        })
      )

      it.effect("a thousand drafts go in one call", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair

          const sent = yield* sendAll(
            Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? draft(alice, bob) : draft(bob, alice)))
          )

          assert.deepEqual(
            sent.map(({ seqs }) => seqs),
            sent.map((_, i) => ({ sender: i + 1, receiver: i + 1 }))
          )
        })
      )

      it.effect("a draft that is refused takes no number and refuses no other", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { alice, bob } = yield* newPair
          const drafts = [
            draft(alice, bob, "first", "c1"),
            draft(alice, nobody),
            draft(nobody, bob),
            draft(nobody, nobody),
            ...beyond.flatMap((one) => [draft(alice, one), draft(one, bob)]),
            draft(alice, bob, "other", "c1"),
            draft(alice, bob, "last")
          ]

          const outcomes = yield* repo.send(drafts)

          assert.deepEqual(verdicts(outcomes), [
            "sent",
            "ReceiverNotFound",
            "SenderNotFound",
            "SenderNotFound",
            ...beyond.flatMap(() => ["ReceiverNotFound", "SenderNotFound"]),
            "ClientIdConflict",
            "sent"
          ])
          assert.deepEqual(withSeqs(Result.getOrThrow(outcomes.at(-1)!)).seqs, { sender: 2, receiver: 2 })
          assert.deepEqual([yield* head(alice), yield* head(bob)], [2, 2])
          assert.deepEqual(
            (yield* history({ userId: alice.id })).map(({ content }) => content),
            ["last", "first"]
          )
        })
      )

      it.effect("a call in which every draft is refused leaves nothing behind", () =>
        Effect.gen(function* () {
          const { alice } = yield* newPair

          const outcomes = yield* (yield* MessageRepo).send([draft(alice, nobody, "lost", "c1")])

          assert.deepEqual(verdicts(outcomes), ["ReceiverNotFound"])
          assert.deepEqual(yield* history({ userId: alice.id }), [])
          assert.strictEqual(yield* head(alice), 0)
        })
      )

      it.effect("a client id is not used up by a send that was refused", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          yield* (yield* MessageRepo).send([draft(alice, nobody, "hello", "c1")])

          const sent = yield* sendOne(draft(alice, bob, "hello", "c1"))

          assert.deepEqual(sent.seqs, { sender: 1, receiver: 1 })
        })
      )

      it.effect("a repeat within one call is answered with the first message", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const one = draft(alice, bob, "once", "c1")

          const outcomes = yield* (yield* MessageRepo).send([one, draft(alice, bob), one, one])

          assert.deepEqual(verdicts(outcomes), ["sent", "sent", "repeat", "repeat"])
          const [first, , ...repeats] = outcomes.map((outcome) => withSeqs(Result.getOrThrow(outcome)))
          for (const { message, seqs } of repeats) {
            assert.deepEqual(message, first!.message)
            assert.deepEqual(seqs, first!.seqs)
          }
          assert.deepEqual([yield* head(alice), yield* head(bob)], [2, 2])
        })
      )

      it.effect("a repeat in a later call is answered with the first message", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const one = draft(alice, bob, "once", "c1")
          const first = yield* sendOne(one)
          yield* sendOne(draft(bob, alice, "in between"))

          const again = yield* sendOne(one)

          assert.isTrue(again.isRepeat)
          assert.deepEqual(again.seqs, first.seqs)
          assert.deepEqual(again.message, first.message)
          assert.strictEqual(yield* head(bob), 2)
          assert.lengthOf(yield* history({ userId: alice.id }), 2)
        })
      )

      it.effect("a repeat of a send whose events are pruned has the message and no numbers", () =>
        Effect.gen(function* () {
          const inboxes = yield* InboxRepo
          const { alice, bob } = yield* newPair
          const one = draft(alice, bob, "once", "c1")
          const { message } = yield* sendOne(one)
          const future = DateTime.add(yield* DateTime.now, { hours: 1 })
          yield* Effect.repeat(inboxes.prune(future, 1000), { while: (deleted) => deleted > 0 })

          assert.deepEqual(yield* sendOne(one), { message, isRepeat: true, seqs: undefined })
        })
      )

      it.effect("parallel sends with one client id make one message", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const one = draft(alice, bob, "once", "c1")

          const sent = yield* Effect.replicateEffect(sendOne(one), 20, { concurrency: "unbounded" })

          assert.lengthOf(
            sent.filter(({ isRepeat }) => !isRepeat),
            1
          )
          assert.strictEqual(new Set(sent.map(({ message }) => message.id)).size, 1)
          assert.strictEqual(yield* head(bob), 1)
        })
      )

      it.effect("a client id with another content or another receiver is a conflict", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
          yield* sendOne(draft(a, b, "hello", "c1"))

          const outcomes = yield* repo.send([
            draft(a, b, "Hello", "c1"),
            draft(a, c, "hello", "c1"),
            draft(a, nobody, "hello", "c1"),
            draft(a, b, "x", "c2"),
            draft(a, c, "x", "c2")
          ])

          assert.deepEqual(verdicts(outcomes), [
            "ClientIdConflict",
            "ClientIdConflict",
            "ClientIdConflict",
            "sent",
            "ClientIdConflict"
          ])
          assert.deepEqual([yield* head(a), yield* head(b), yield* head(c)], [2, 2, 0])
        })
      )

      it.effect("client ids of different senders have nothing to do with each other", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair

          const sent = yield* sendAll([draft(alice, bob, "hello", "c1"), draft(bob, alice, "hello", "c1")])

          assert.deepEqual(
            sent.map(({ seqs }) => seqs?.receiver),
            [1, 2]
          )
        })
      )

      it.effect("sends without a client id are never repeats of each other", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair

          const outcomes = yield* (yield* MessageRepo).send([
            draft(alice, bob, "same", null),
            draft(alice, bob, "same", null),
            draft(alice, bob, "same")
          ])

          assert.deepEqual(verdicts(outcomes), ["sent", "sent", "sent"])
        })
      )
    })

    describe("history", () => {
      /** Ten messages among three users, newest first: a→b, b→a and a→c in turn. */
      const conversation = Effect.gen(function* () {
        const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
        const drafts = Array.from({ length: 10 }, (_, i) =>
          i % 3 === 0 ? draft(a, b, `${i}`) : i % 3 === 1 ? draft(b, a, `${i}`) : draft(a, c, `${i}`)
        )
        const messages = (yield* sendAll(drafts)).map(({ message }) => message).reverse()
        const ofBoth = (one: User, other: User) =>
          messages.filter(
            ({ sender_id, receiver_id }) =>
              [one.id, other.id].includes(sender_id) && [one.id, other.id].includes(receiver_id!)
          )
        return { a, b, c, messages, ofBoth }
      })

      it.effect("shows what a user sent and received, newest first", () =>
        Effect.gen(function* () {
          const { a, b, c, messages, ofBoth } = yield* conversation

          assert.deepEqual(yield* history({ userId: a.id }), messages)
          assert.deepEqual(yield* history({ userId: b.id }), ofBoth(a, b))
          assert.deepEqual(yield* history({ userId: c.id }), ofBoth(a, c))
        })
      )

      it.effect("with another user shows only what the two exchanged", () =>
        Effect.gen(function* () {
          const { a, b, c, ofBoth } = yield* conversation

          assert.deepEqual(yield* history({ userId: a.id, chatWith: b.id }), ofBoth(a, b))
          assert.deepEqual(yield* history({ userId: b.id, chatWith: a.id }), ofBoth(a, b))
          assert.deepEqual(yield* history({ userId: a.id, chatWith: c.id }), ofBoth(a, c))
          assert.deepEqual(yield* history({ userId: b.id, chatWith: c.id }), [])
        })
      )

      it.effect("is paged by skip and limit", () =>
        Effect.gen(function* () {
          const { a, b, messages, ofBoth } = yield* conversation

          assert.deepEqual(yield* history({ userId: a.id, limit: 4 }), messages.slice(0, 4))
          assert.deepEqual(yield* history({ userId: a.id, skip: 4, limit: 4 }), messages.slice(4, 8))
          assert.deepEqual(yield* history({ userId: a.id, skip: 8, limit: 4 }), messages.slice(8))
          assert.deepEqual(yield* history({ userId: a.id, skip: 2_147_483_647 }), [])
          assert.deepEqual(
            yield* history({ userId: a.id, chatWith: b.id, skip: 1, limit: 2 }),
            ofBoth(a, b).slice(1, 3)
          )
        })
      )

      it.effect("is paged by id", () =>
        Effect.gen(function* () {
          const { a, b, messages, ofBoth } = yield* conversation
          const beforeId = messages[4]!.id

          assert.deepEqual(yield* history({ userId: a.id, beforeId }), messages.slice(5))
          assert.deepEqual(
            yield* history({ userId: a.id, beforeId, skip: 1, limit: 2 }),
            messages.slice(6, 8)
          )
          assert.deepEqual(
            yield* history({ userId: a.id, chatWith: b.id, beforeId }),
            ofBoth(a, b).filter(({ id }) => id < beforeId)
          )
          assert.deepEqual(yield* history({ userId: a.id, beforeId: MessageId.make(1) }), [])
          assert.deepEqual(
            yield* history({ userId: a.id, beforeId: MessageId.make(Number.MAX_SAFE_INTEGER) }),
            messages
          )
        })
      )

      it.effect("of nobody is empty, also above the column's range", () =>
        Effect.gen(function* () {
          const { alice } = yield* newPair

          for (const { id } of [nobody, ...beyond]) {
            assert.deepEqual(yield* history({ userId: id }), [])
            assert.deepEqual(yield* history({ userId: alice.id, chatWith: id }), [])
            assert.deepEqual((yield* (yield* MessageRepo).received(id, 50)).messages, [])
          }
        })
      )

      it.effect("of received messages leaves out those that the user sent", () =>
        Effect.gen(function* () {
          const repo = yield* MessageRepo
          const { a, b, messages } = yield* conversation
          const toA = messages.filter(({ receiver_id }) => receiver_id === a.id)

          assert.deepEqual((yield* repo.received(a.id, 50)).messages, toA)
          assert.deepEqual((yield* repo.received(a.id, 2)).messages, toA.slice(0, 2))
          assert.deepEqual(
            (yield* repo.received(b.id, 50)).messages,
            messages.filter(({ receiver_id }) => receiver_id === b.id)
          )
        })
      )
    })
  })

messageRepoContract("memory", memoryRepos)
messageRepoContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  messageRepoContract("PostgreSQL", postgresRepos)
)
