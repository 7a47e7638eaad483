import { assert, describe, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Database } from "../../src/database/Database.ts"
import { int8 } from "../../src/database/SqlParameters.ts"
import type { MessageId } from "../../src/domain/Message.ts"
import type { User } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { ErasureRepo, STEP } from "../../src/repo/ErasureRepo.ts"
import { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  group,
  groupDraft,
  headOf,
  MAXIMUM,
  type ReposLayer,
  say,
  sendAllToGroups,
  told
} from "./Conversations.ts"
import { draft, embeddedRepos, memoryRepos, newPair, newUsers, postgresRepos, sendOne } from "./Repos.ts"

const withheldContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`What an inbox shows of changed messages: ${name}`, (it) => {
    const edit = (by: User, messageId: MessageId, content: string) =>
      EditRepo.use((repo) =>
        changed(repo.edit({ by: by.id, messageId, content, version: undefined, metadata: undefined }))
      )
    const remove = (by: User, messageId: MessageId) =>
      EditRepo.use((repo) => changed(repo.remove(by.id, messageId)))
    const leave = (user: User, id: Parameters<ConversationRepo["Service"]["find"]>[1]) =>
      ConversationRepo.use((repo) => changed(repo.removeMember(user.id, id, user.id)))

    /** A group of three that two of them wrote in; the third has left when the test goes on. */
    const left = Effect.gen(function* () {
      const [a, b, gone] = (yield* newUsers(3)) as [User, User, User]
      const { id } = yield* group(a, [b, gone], { history: "joined" })
      const begin = yield* headOf(gone)
      const kept = yield* say(a, { id }, "kept")
      const message = yield* say(b, { id }, "first", { metadata: { secret: 1 } })
      const edited = yield* edit(b, message.id, "second")
      const reply = yield* say(a, { id }, "reply", { reply_to_id: message.id })
      yield* leave(gone, id)
      return { a, b, gone, id, kept, message, edited, reply, replay: told(gone, begin) }
    })

    /** A group of three in which one of them wrote. */
    const stayed = Effect.gen(function* () {
      const [a, b, gone] = (yield* newUsers(3)) as [User, User, User]
      const { id } = yield* group(a, [b, gone])
      const begin = yield* headOf(gone)
      return { b, gone, id, begin, message: yield* say(b, { id }, "first") }
    })

    const eraseWhole = (user: User) =>
      Effect.gen(function* () {
        const erasures = yield* ErasureRepo
        yield* erasures.order(user.id)
        yield* Effect.repeat(erasures.step(user.id, STEP), { until: ({ isDone }) => isDone })
      })

    it.effect("a member is shown each message as it is now", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { message } = yield* sendOne(draft(alice, bob, "first"))
        yield* edit(alice, message.id, "second")
        const now = yield* edit(alice, message.id, "third")

        assert.deepEqual(yield* told(bob), [
          { type: "message", ...now },
          { type: "message_updated", ...now },
          { type: "message_updated", ...now }
        ])
        const deleted = yield* remove(alice, message.id)
        const { type, ...shown } = (yield* told(bob))[1]!
        assert.deepEqual([type, shown], ["message_updated", { ...deleted }])
      })
    )

    it.effect("who left is shown what it got, but for what changed since", () =>
      Effect.gen(function* () {
        const { kept, message, edited, reply, replay } = yield* left
        const { metadata: _, ...rest } = message

        assert.deepEqual(yield* Effect.map(replay, (frames) => frames.slice(0, 4)), [
          { type: "message", ...kept },
          { type: "message", ...rest, content: "", withheld: true },
          { type: "message_updated", ...edited },
          { type: "message", ...reply }
        ])
      })
    )

    it.effect("who left is not shown an edit of the millisecond in which the message was sent", () =>
      Effect.gen(function* () {
        const { message, replay } = yield* left
        yield* Option.match(yield* Effect.serviceOption(Database), {
          onNone: () => Effect.void,
          onSome: ({ sends: sql }) =>
            sql`UPDATE messages SET edited_at = timestamp WHERE id = ${int8(message.id)}`
        })

        assert.deepInclude((yield* replay)[1], { id: message.id, content: "", withheld: true })
      })
    )

    it.effect("who left is not shown an edit or a deletion that came later, nor in what was quoted", () =>
      Effect.gen(function* () {
        const { b, kept, message, reply, replay } = yield* left
        const { metadata: _, ...rest } = message
        const withheld = { ...rest, content: "", withheld: true }
        const quoting = { ...reply, reply_to: { ...reply.reply_to, content: "" } }
        const expected = [
          { type: "message", ...kept },
          { type: "message", ...withheld },
          { type: "message_updated", ...withheld },
          { type: "message", ...quoting }
        ]

        yield* edit(b, message.id, "third")
        assert.deepEqual(yield* Effect.map(replay, (frames) => frames.slice(0, 4)), expected)
        yield* remove(b, message.id)
        assert.deepEqual(yield* Effect.map(replay, (frames) => frames.slice(0, 4)), expected)
      })
    )

    it.effect("who left is not shown what its own reply quotes, when it repeats the send", () =>
      Effect.gen(function* () {
        const [a, gone] = (yield* newUsers(2)) as [User, User]
        const { id } = yield* group(a, [gone])
        const quoted = yield* say(a, { id }, "first")
        const answer = groupDraft(gone, { id }, "reply", { reply_to_id: quoted.id, client_id: "c1" })
        const repeated = Effect.map(sendAllToGroups([answer]), ([sent]) => sent!)
        const repeat = Effect.map(repeated, ({ message }) => message)
        const reply = yield* repeat
        yield* edit(a, quoted.id, "second")
        assert.deepInclude((yield* repeat).reply_to, { content: "second" })
        yield* leave(gone, id)

        assert.deepEqual(yield* repeat, { ...reply, reply_to: { ...reply.reply_to!, content: "" } })
        // Published again from this message, its events would show the others an empty quote.
        assert.deepEqual((yield* repeated).appended, [])
        yield* SuspensionRepo.use((repo) => repo.suspend(gone.id))
        assert.deepInclude((yield* repeat).reply_to, { content: "" })
      })
    )

    it.effect("who left after a deletion still gets its event", () =>
      Effect.gen(function* () {
        const [a, gone] = (yield* newUsers(2)) as [User, User]
        const { id } = yield* group(a, [gone])
        const begin = yield* headOf(gone)
        const message = yield* say(a, { id }, "first")
        const { deleted_at } = yield* remove(a, message.id)
        yield* leave(gone, id)

        assert.deepInclude((yield* told(gone, begin))[1], {
          type: "message_deleted",
          message_id: message.id,
          deleted_at
        })
      })
    )

    it.effect("who left after a deletion gets its event also when the message's sender is erased", () =>
      Effect.gen(function* () {
        const { b, gone, id, message, begin } = yield* stayed
        yield* remove(b, message.id)
        yield* leave(gone, id)
        yield* eraseWhole(b)
        assert.deepInclude(
          (yield* told(gone, begin)).find(({ type }) => type === "message_deleted"),
          {
            message_id: message.id,
            sender_username: `deleted-${b.id}`
          }
        )
      })
    )

    it.effect(
      "who came back is still not shown what is not for it to read, and else the messages as they are",
      () =>
        Effect.gen(function* () {
          const { a, b, gone, id, message, replay } = yield* left
          yield* edit(b, message.id, "third")
          const put = ConversationRepo.use((repo) =>
            changed(repo.putMember(a.id, id, gone.id, undefined, MAXIMUM))
          )
          yield* put
          assert.deepInclude((yield* replay)[1], { content: "", withheld: true })
          const after = yield* say(b, { id }, "new")
          const now = yield* edit(b, after.id, "newer")

          const { type: _, ...shown } = (yield* replay).at(-2)!
          assert.deepEqual(shown, { ...now })
        })
    )

    it.effect("who came back to a group whose history all members read is shown everything", () =>
      Effect.gen(function* () {
        const [a, gone] = (yield* newUsers(2)) as [User, User]
        const { id } = yield* group(a, [gone])
        const begin = yield* headOf(gone)
        const message = yield* say(a, { id }, "first")
        yield* leave(gone, id)
        const now = yield* edit(a, message.id, "second")
        assert.deepInclude((yield* told(gone, begin))[0], { content: "", withheld: true })

        yield* ConversationRepo.use((repo) => changed(repo.putMember(a.id, id, gone.id, undefined, MAXIMUM)))
        assert.deepEqual((yield* told(gone, begin))[0], { type: "message", ...now })
      })
    )
  })

withheldContract("memory", memoryRepos)
withheldContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  withheldContract("PostgreSQL", postgresRepos)
)
