import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Duration, Effect, type Layer } from "effect"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import type { MessageRepo } from "../../src/repo/MessageRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { frameOf, framesInInbox, messageEvent, messageJson } from "../support/Events.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  draft,
  embeddedRepos,
  memoryRepos,
  newPair,
  newUsers,
  postgresRepos,
  sendAll,
  sendOne
} from "./Repos.ts"

const nobody = UserId.make(MAX_USER_ID)

const numbers = Effect.fnUntraced(function* (userId: UserId, after: number, limit = 1000) {
  return (yield* (yield* InboxRepo).page(userId, after, limit, [])).map(({ seq }) => seq)
})

/** Deletes every event that there is, and leaves no inbox that a test's own call looks at: the test counts its own events only. */
const pruneAll = Effect.gen(function* () {
  const inboxes = yield* InboxRepo
  const future = DateTime.add(yield* DateTime.now, { hours: 2 })
  yield* Effect.repeat(inboxes.prune(future, 1000), { while: (deleted) => deleted > 0 })
})

/** Sends until the time has moved on, and answers that time: what came before is older than it. */
const laterMessage = Effect.fnUntraced(function* (from: User, to: User, than: string) {
  return yield* sendOne(draft(from, to)).pipe(
    Effect.repeat({ until: ({ message }) => message.timestamp > than })
  )
})

const inboxRepoContract = <E>(name: string, repos: Layer.Layer<UserRepo | MessageRepo | InboxRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`InboxRepo: ${name}`, (it) => {
    it.effect("the inbox of a new user is empty", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const { alice } = yield* newPair

        const { epoch, ...inbox } = yield* inboxes.find(alice.id)
        assert.match(epoch, /^memory$|^[0-9a-f]{12}$/)
        assert.deepEqual(inbox, { userId: alice.id, username: alice.username, head: 0, pruned: 0 })
        assert.deepEqual(yield* inboxes.page(alice.id, 0, 10, []), [])
      })
    )

    it.effect("the head is the number of the last event", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const { alice, bob } = yield* newPair
        yield* sendAll([draft(alice, bob), draft(bob, alice), draft(alice, bob)])

        assert.strictEqual((yield* inboxes.find(alice.id)).head, 3)
        assert.deepEqual(yield* numbers(alice.id, 0), [1, 2, 3])
      })
    )

    it.effect("look-ups of one moment each get their own answer", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const users = yield* newUsers(20)
        yield* sendAll(users.slice(1).map((user) => draft(users[0]!, user)))

        const asked = [...users, ...users].map(({ id }) =>
          Effect.map(inboxes.find(id), ({ userId }) => userId)
        )
        const missing = Effect.map(Effect.flip(inboxes.find(nobody)), ({ _tag }) => _tag)
        const answers = yield* Effect.all([...asked, missing], { concurrency: "unbounded" })

        assert.deepEqual(answers, [
          ...users.map(({ id }) => id),
          ...users.map(({ id }) => id),
          "UserNotFound"
        ])
      })
    )

    it.effect("an id that nobody has is not found, also one above the column's range", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo

        for (const id of [MAX_USER_ID, MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER]) {
          const error = yield* Effect.flip(inboxes.find(UserId.make(id)))
          assert.strictEqual(error._tag, "UserNotFound")
          assert.include(error, { userId: id })
        }
      })
    )

    it.effect("the heads of many inboxes are read at once, without those that do not exist", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const { alice, bob } = yield* newPair
        yield* sendAll([draft(alice, bob), draft(alice, bob)])
        const [carol] = yield* newUsers(1)

        const heads = yield* inboxes.heads([carol!.id, nobody, alice.id])

        const { epoch } = yield* inboxes.find(alice.id)
        assert.deepEqual(
          heads.map((inbox) => ({ ...inbox })).toSorted((a, b) => a.userId - b.userId),
          [
            { userId: alice.id, epoch, head: 2, pruned: 0 },
            { userId: carol!.id, epoch, head: 0, pruned: 0 }
          ]
        )
        assert.deepEqual(yield* inboxes.heads([]), [])
      })
    )

    it.effect("a page holds the events after a number, in order, up to its limit", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        yield* sendAll(Array.from({ length: 10 }, (_, i) => (i % 2 ? draft(alice, bob) : draft(bob, alice))))

        assert.deepEqual(yield* numbers(bob.id, 0, 4), [1, 2, 3, 4])
        assert.deepEqual(yield* numbers(bob.id, 4, 4), [5, 6, 7, 8])
        assert.deepEqual(yield* numbers(bob.id, 8, 4), [9, 10])
        assert.deepEqual(yield* numbers(bob.id, 10, 4), [])
        assert.deepEqual(yield* numbers(bob.id, 11, 4), [])
        assert.deepEqual(yield* numbers(bob.id, Number.MAX_SAFE_INTEGER, 4), [])
        assert.deepEqual(yield* numbers(nobody, 0, 4), [])
      })
    )

    it.effect("an event's frame has the bytes that a live socket is sent", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const content = '"\\ \n é 👩‍🚀 \u2028 </script>'

        const { message } = yield* sendOne(draft(alice, bob, content, 'c"1'))
        const plain = yield* sendOne(draft(alice, bob, content))

        assert.deepEqual(yield* framesInInbox(bob.id), [
          frameOf(messageEvent("message", 1, messageJson(message))),
          frameOf(messageEvent("message", 2, messageJson(plain.message)))
        ])
        const sent = yield* framesInInbox(alice.id)
        assert.deepEqual(sent, [
          frameOf(messageEvent("message_sent", 1, messageJson(message), 'c"1')),
          frameOf(messageEvent("message_sent", 2, messageJson(plain.message)))
        ])
        assert.deepEqual(JSON.parse(sent[0]!), {
          type: "message_sent",
          seq: 1,
          ...message,
          client_id: 'c"1'
        })
      })
    )

    it.effect("the ids of the messages ascend along an inbox", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const users = (yield* newUsers(4)) as Array<User>
        const drafts = users.flatMap((from) => users.filter((to) => to !== from).map((to) => draft(from, to)))

        yield* Effect.forEach(drafts, sendOne, { concurrency: "unbounded" })

        for (const { id } of users) {
          const ids = (yield* inboxes.page(id, 0, 100, [])).map(({ message }) => message!.id)
          assert.lengthOf(ids, 6)
          assert.deepEqual(
            ids,
            ids.toSorted((a, b) => a - b)
          )
        }
      })
    )

    it.effect("only events older than the given time are pruned, and the inbox tells which may be gone", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        yield* pruneAll
        const { alice, bob } = yield* newPair
        const [, second] = yield* sendAll([draft(alice, bob), draft(bob, alice)])
        const later = yield* laterMessage(alice, bob, second!.message.timestamp)
        const kept = later.seqs!.receiver

        const deleted = yield* inboxes.prune(DateTime.makeUnsafe(later.message.timestamp), 1000)

        assert.strictEqual(deleted, 2 * (kept - 1))
        for (const { id } of [alice, bob]) {
          assert.include(yield* inboxes.find(id), { head: kept, pruned: kept - 1 })
          assert.include((yield* inboxes.heads([id]))[0], { head: kept, pruned: kept - 1 })
          assert.deepEqual(yield* numbers(id, 0), [kept])
        }
        assert.strictEqual(yield* inboxes.prune(DateTime.makeUnsafe(later.message.timestamp), 1000), 0)
      })
    )

    it.effect(
      "events that the database itself does not find old are kept, whatever a node's clock says",
      () =>
        Effect.gen(function* () {
          const inboxes = yield* InboxRepo
          yield* pruneAll
          const { alice, bob } = yield* newPair
          yield* sendAll([draft(alice, bob)])
          const future = DateTime.add(yield* DateTime.now, { hours: 1 })
          assert.strictEqual(yield* inboxes.prune(future, 1000, Duration.hours(1)), 0)
          assert.deepEqual(yield* numbers(bob.id, 0), [1])
        })
    )

    it.effect("one call prunes no more than its limit, and the next goes on", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        yield* pruneAll
        const { alice, bob } = yield* newPair
        yield* sendAll(Array.from({ length: 5 }, () => draft(alice, bob)))
        const future = DateTime.add(yield* DateTime.now, { hours: 1 })
        const remaining = Effect.map(
          Effect.all([numbers(alice.id, 0), numbers(bob.id, 0)]),
          ([a, b]) => a.length + b.length
        )

        assert.strictEqual(yield* inboxes.prune(future, 4), 4)
        assert.strictEqual(yield* remaining, 6)
        assert.strictEqual(yield* inboxes.prune(future, 4), 4)
        assert.strictEqual(yield* inboxes.prune(future, 4), 2)
        assert.strictEqual(yield* remaining, 0)
        for (const { id } of [alice, bob]) assert.include(yield* inboxes.find(id), { head: 5, pruned: 5 })
      })
    )

    it.effect("numbers go on after a prune as if nothing was", () =>
      Effect.gen(function* () {
        const inboxes = yield* InboxRepo
        const { alice, bob } = yield* newPair
        yield* sendAll([draft(alice, bob), draft(alice, bob)])
        yield* pruneAll

        const { seqs } = yield* sendOne(draft(bob, alice))

        assert.deepEqual(seqs, { sender: 3, receiver: 3 })
        assert.deepEqual(yield* numbers(alice.id, 0), [3])
        assert.include(yield* inboxes.find(alice.id), { head: 3, pruned: 2 })
      })
    )
  })

inboxRepoContract("memory", memoryRepos)
inboxRepoContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  inboxRepoContract("PostgreSQL", postgresRepos)
)
