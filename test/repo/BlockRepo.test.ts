import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import type { MessageId } from "../../src/domain/Message.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { BlockRepo } from "../../src/repo/BlockRepo.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { changed, during, group, type Repos, refusal, say, unchanged } from "./Conversations.ts"
import {
  draft,
  embeddedRepos,
  memoryRepos,
  newPair,
  newUsers,
  postgresRepos,
  sendOne,
  verdicts
} from "./Repos.ts"
import { opened, somebodyWaits } from "./Transactions.ts"

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

const block = (by: User, other: User) => BlockRepo.use((repo) => repo.block(by.id, other.id))
const unblock = (by: User, other: User) => BlockRepo.use((repo) => repo.unblock(by.id, other.id))

const send = (...drafts: ReadonlyArray<ReturnType<typeof draft>>) =>
  Effect.map(
    MessageRepo.use((repo) => repo.send(drafts)),
    verdicts
  )

const directOf = (by: User, other: User) =>
  Effect.flatMap(
    ConversationRepo.use((repo) => repo.createDirect(by.id, other.id)),
    ({ value }) => value
  )

const mark = (by: User, message: { readonly id: MessageId; readonly conversation_id?: unknown }) =>
  ConversationRepo.use((repo) =>
    repo.markRead(by.id, message.conversation_id as Parameters<typeof repo.markRead>[1], message.id)
  )

/** How far a user is shown that the other one has read their direct conversation, wherever that stands. */
const shownRead = Effect.fnUntraced(function* (viewer: User, other: User) {
  const repo = yield* ConversationRepo
  const { id, with: peer } = yield* directOf(viewer, other)
  const entry = yield* repo.find(viewer.id, id)
  const { conversations } = yield* repo.list(viewer.id, 10, undefined)
  const { members } = yield* repo.members(viewer.id, id, undefined, 10)
  const places = [
    peer?.last_read_id,
    entry.with?.last_read_id,
    conversations.find((one) => one.id === id)?.with?.last_read_id,
    members.find(({ user_id }) => user_id === other.id)?.last_read_id
  ]
  assert.lengthOf(new Set(places), 1, `${places}`)
  return places[0]!
})

const blockContract = <E>(name: string, repos: Layer.Layer<Repos | BlockRepo | ProfileRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`BlockRepo: ${name}`, (it) => {
    describe("a block", () => {
      it.effect("is told to who blocks, and to nobody else; a repeated one is the first", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { value: made, told } = yield* during([alice, bob], changed(block(alice, bob)))
          assert.deepEqual(told, [[{ type: "block", blocked_id: bob.id, blocked: true }], []])
          assert.deepInclude(made, { user_id: alice.id, blocked_id: bob.id })
          assert.deepEqual(yield* unchanged(block(alice, bob)), made)

          const taken = yield* during([alice, bob], changed(unblock(alice, bob)))
          assert.deepEqual(taken.told, [[{ type: "block", blocked_id: bob.id, blocked: false }], []])
          yield* unchanged(unblock(alice, bob))
        })
      )

      it.effect("needs two users that there are", () =>
        Effect.gen(function* () {
          const [a] = yield* newUsers(1)
          for (const id of [MAX_USER_ID, MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER]) {
            const nobody = { ...a!, id: UserId.make(id) }
            assert.strictEqual(yield* refusal(block(a!, nobody)), "UserNotFound")
            assert.strictEqual(yield* refusal(block(nobody, a!)), "UserNotFound")
            yield* unchanged(unblock(a!, nobody))
            yield* unchanged(unblock(nobody, a!))
            const list = BlockRepo.use((repo) => repo.list(nobody.id, undefined, 10))
            assert.strictEqual(yield* refusal(list), "UserNotFound")
          }
        })
      )

      it.effect(
        "is listed for who blocks, in pages, with the names and the picture of the blocked user",
        () =>
          Effect.gen(function* () {
            const [a, b, c] = yield* three
            const repo = yield* BlockRepo
            assert.deepEqual(yield* repo.list(a.id, undefined, 10), { blocks: [], next: undefined })
            const avatar_url = "https://example.com/c.png"
            yield* changed(ProfileRepo.use((profiles) => profiles.update(c.id, { avatar_url })))
            const ofC = yield* (yield* block(a, c)).value
            const ofB = yield* (yield* block(a, b)).value
            const named = (made: typeof ofB, { username, display_name }: User) => ({
              ...made,
              username,
              display_name
            })
            assert.deepEqual(yield* repo.list(a.id, undefined, 1), { blocks: [named(ofB, b)], next: b.id })
            assert.deepEqual(yield* repo.list(a.id, b.id, 1), {
              blocks: [{ ...named(ofC, c), avatar_url }],
              next: undefined
            })
            assert.deepEqual(yield* repo.list(a.id, UserId.make(MAX_USER_ID + 1), 1), {
              blocks: [],
              next: undefined
            })
            assert.deepEqual(yield* repo.list(b.id, undefined, 10), { blocks: [], next: undefined })
            assert.sameMembers([...(yield* repo.among(a.id, [a.id, b.id, c.id]))], [b.id, c.id])
            assert.isEmpty([...(yield* repo.among(b.id, [a.id, UserId.make(MAX_USER_ID + 1)]))])
          })
      )
    })

    describe("whom a user has blocked", () => {
      it.effect("sends it nothing, among others that are sent; sends of the user itself go through", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          yield* block(a, b)
          const { value, told } = yield* during(
            [a],
            send(draft(b, c), draft(b, a), draft(c, a), draft(a, b), draft(b, a, "again", "x"), draft(b, c))
          )
          assert.deepEqual(value, ["sent", "Blocked", "sent", "sent", "Blocked", "sent"])
          assert.deepEqual(
            told[0]!.map(({ type }) => type),
            ["message", "message_sent"]
          )
          yield* unblock(a, b)
          assert.deepEqual(yield* send(draft(b, a, "again", "x")), ["sent"])
        })
      )

      it.effect("gets its answer to a send that was committed before", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(bob, alice, "hi", "before"))
          yield* block(alice, bob)
          const repeat = yield* sendOne(draft(bob, alice, "hi", "before"))
          assert.deepEqual([repeat.isRepeat, repeat.message], [true, message])
          assert.deepEqual(yield* send(draft(bob, alice, "other", "before")), ["ClientIdConflict"])
        })
      )

      it.effect("makes no direct conversation with it, but gets the one that there is", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          yield* block(a, b)
          const { told } = yield* during([a], Effect.flip(directOf(b, a)))
          assert.deepEqual(told, [[]])
          assert.strictEqual(yield* refusal(directOf(b, a)), "Blocked")
          const made = yield* directOf(a, b)
          assert.strictEqual((yield* directOf(b, a)).id, made.id)
          yield* directOf(b, c)
        })
      )

      it.effect("neither edits nor reacts in their direct conversation, but takes back and deletes", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message } = yield* sendOne(draft(bob, alice, "hi"))
          const { message: other } = yield* sendOne(draft(alice, bob, "hello"))
          const edits = yield* EditRepo
          const edit = (by: User, { id }: { readonly id: MessageId }, content: string) =>
            edits.edit({ by: by.id, messageId: id, content, version: undefined, metadata: undefined })
          yield* edit(bob, message, "hi!")
          yield* edits.react(bob.id, other.id, "👍")
          yield* block(alice, bob)

          const refused = yield* during(
            [alice],
            Effect.all([
              refusal(edit(bob, message, "rude")),
              refusal(edits.react(bob.id, other.id, "👎")),
              refusal(edits.react(bob.id, message.id, "👎"))
            ])
          )
          assert.deepEqual([refused.value, refused.told], [["Blocked", "Blocked", "Blocked"], [[]]])
          // What was done before the block is answered as then.
          yield* unchanged(edit(bob, message, "hi!"))
          yield* unchanged(edits.react(bob.id, other.id, "👍"))

          yield* changed(edits.react(alice.id, message.id, "👍"))
          yield* changed(edit(alice, other, "hello!"))
          yield* changed(edits.unreact(bob.id, other.id, "👍"))
          yield* changed(edits.remove(bob.id, message.id))
        })
      )

      it.effect("is not shown to have read anything since, until the block is taken back", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const { message: first } = yield* sendOne(draft(alice, bob, "1"))
          const { message: second } = yield* sendOne(draft(alice, bob, "2"))
          yield* mark(bob, first)
          yield* block(alice, bob)

          const read = { type: "read", conversation_id: second.conversation_id, user_id: bob.id }
          const marked = yield* during([alice, bob], changed(mark(bob, second)))
          assert.deepEqual(marked.told, [[], [{ ...read, message_id: second.id }]])
          assert.strictEqual(yield* shownRead(alice, bob), first.id)
          const back = yield* during([alice], mark(alice, second))
          assert.lengthOf(back.told[0]!, 1)
          assert.strictEqual(yield* shownRead(bob, alice), second.id)

          const { told } = yield* during([alice], changed(unblock(alice, bob)))
          assert.deepEqual(told[0], [
            { type: "block", blocked_id: bob.id, blocked: false },
            { ...read, message_id: second.id }
          ])
          assert.strictEqual(yield* shownRead(alice, bob), second.id)
        })
      )

      it.effect("is shown to have read nothing of a conversation that began later", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          yield* block(alice, bob)
          const { message } = yield* sendOne(draft(alice, bob, "1"))
          yield* mark(bob, message)
          assert.strictEqual(yield* shownRead(alice, bob), 0)
          const { told } = yield* during([alice], changed(unblock(alice, bob)))
          assert.deepInclude(told[0]![1], { type: "read", message_id: message.id })
        })
      )

      it.effect("is not told apart in groups, and tells it there what it types", () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          const direct = yield* directOf(a, b)
          yield* block(a, b)
          const { told } = yield* during([a], say(b, hikes, "hi"))
          assert.lengthOf(told[0]!, 1)
          const repo = yield* ConversationRepo
          assert.deepEqual(yield* repo.others(b.id, hikes.id), [a.id, c.id])
          assert.deepEqual(yield* repo.others(b.id, direct.id), [])
          assert.deepEqual(yield* repo.others(a.id, direct.id), [b.id])
          const made = yield* repo.createGroup(
            {
              by: b.id,
              title: "New",
              memberIds: [a.id],
              history: "all",
              metadata: undefined,
              clientId: undefined
            },
            10
          )
          assert.strictEqual((yield* made.value).member_count, 2)
        })
      )
    })
  })

blockContract("in memory", memoryRepos)
blockContract("embedded", embeddedRepos)

const races = () => {
  blockContract("PostgreSQL", postgresRepos)
  layer(postgresRepos, { excludeTestServices: true })("of a block and a send at once", (it) => {
    it.effect("the send waits for the block that holds the locks, and is refused", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const { commit } = yield* opened((sql) => sql`SELECT * FROM change_block(${a.id}, ${b.id}, true)`)
        const sending = yield* Effect.forkChild(send(draft(b, c), draft(b, a)))
        yield* somebodyWaits()
        yield* commit
        assert.deepEqual(yield* Fiber.join(sending), ["sent", "Blocked"])
      })
    )

    it.effect("the block waits for the send that holds the locks, which is delivered before it", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { commit } = yield* opened(
          (sql) => sql`SELECT * FROM send_direct_messages(
            ARRAY[${bob.id}::int], ARRAY[${alice.id}::int], ARRAY['hi'], ARRAY[NULL::text], ARRAY[NULL::bigint], ARRAY[NULL::text]
          )`
        )
        const { told } = yield* during(
          [alice],
          Effect.gen(function* () {
            const blocking = yield* Effect.forkChild(block(alice, bob))
            yield* somebodyWaits()
            yield* commit
            yield* Fiber.join(blocking)
          })
        )
        assert.deepEqual(
          told[0]!.map(({ type }) => type),
          ["message", "block"]
        )
        assert.deepEqual(yield* send(draft(bob, alice)), ["Blocked"])
      })
    )

    it.effect("no message comes after the block, whatever the order in which they are asked for", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const rounds = Array.from({ length: 5 }, (_, i) => i)
        for (const round of rounds) {
          const { told } = yield* during(
            [alice],
            Effect.all(
              [
                ...rounds.map(() => Effect.asVoid(send(draft(bob, alice, `${round}`)))),
                Effect.asVoid(block(alice, bob)),
                ...rounds.map(() => Effect.asVoid(send(draft(bob, alice, `${round}`))))
              ],
              { concurrency: "unbounded" }
            )
          )
          assert.strictEqual(told[0]!.at(-1)?.type, "block")
          yield* unblock(alice, bob)
        }
      })
    )
  })
}

describe.runIf(databaseUrl !== undefined)("BlockRepo on PostgreSQL", races)
