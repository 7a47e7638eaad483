import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { MessageId } from "../../src/domain/Message.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { ReportRepo } from "../../src/repo/ReportRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import {
  changed,
  during,
  erase,
  group,
  NO_MESSAGE_ID,
  type Repos,
  refusal,
  say,
  unchanged
} from "./Conversations.ts"
import { draft, embeddedRepos, memoryRepos, newUsers, postgresRepos, sendOne } from "./Repos.ts"

const three = Effect.map(newUsers(3), (users) => users as [User, User, User])

const report = (by: User, { id }: { readonly id: MessageId }, reason?: string) =>
  ReportRepo.use((repo) => repo.report(by.id, id, reason))

/** All reports, read in pages of two. */
const all = Effect.gen(function* () {
  const repo = yield* ReportRepo
  let { reports, next } = yield* repo.list(undefined, 2)
  while (next !== undefined) {
    const page = yield* repo.list(next, 2)
    assert.isNotEmpty(page.reports)
    reports = [...reports, ...page.reports]
    next = page.next
  }
  return reports
})

const reportContract = <E>(name: string, repos: Layer.Layer<Repos | ReportRepo, E>) =>
  layer(repos, { excludeTestServices: true })(`ReportRepo: ${name}`, (it) => {
    it.effect("a report is kept once a user and message, and listed with the message as it is now", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const hikes = yield* group(a, [b, c])
        const message = yield* say(b, hikes, "rude")
        const made = yield* report(a, message, "Spam")
        assert.deepInclude(made, { message_id: message.id, reporter_id: a.id, reason: "Spam" })
        assert.deepEqual(yield* report(a, message, "Another reason"), made)
        const other = yield* report(c, message)
        assert.notProperty(other, "reason")
        const { message: direct } = yield* sendOne(draft(b, a, "hi"))
        const third = yield* report(a, direct)
        assert.deepEqual(
          (yield* all).filter(({ id }) => id >= made.id),
          [
            { ...made, reported: { content: "rude" }, message },
            { ...other, reported: { content: "rude" }, message },
            { ...third, reported: { content: "hi" }, message: direct }
          ]
        )

        yield* EditRepo.use((repo) => repo.remove(b.id, message.id))
        const listed = (yield* all).find(({ id }) => id === made.id)
        assert.strictEqual(listed?.message.content, "")
        assert.isString(listed?.message.deleted_at)
        assert.deepEqual(yield* report(a, message), made, "a repeat is answered also then")

        const repo = yield* ReportRepo
        yield* repo.resolve(made.id)
        yield* repo.resolve(made.id)
        assert.notInclude(
          (yield* all).map(({ id }) => id),
          made.id
        )
      })
    )

    it.effect(
      "a report keeps what the message said, whatever its author does; of an erased author it stays without that",
      () =>
        Effect.gen(function* () {
          const [a, b, c] = yield* three
          const hikes = yield* group(a, [b, c])
          const edits = yield* EditRepo
          const message = yield* say(b, hikes, "rude", { metadata: { nothing: null } })
          const first = yield* report(a, message, "He is rude to me")
          yield* edits.edit({
            by: b.id,
            messageId: message.id,
            content: "ruder",
            version: undefined,
            metadata: undefined
          })
          const second = yield* report(c, message)
          yield* edits.remove(b.id, message.id)

          const [mine, other] = (yield* all).filter(({ id }) => id >= first.id)
          assert.deepEqual(mine!.reported, { content: "rude", metadata: { nothing: null } })
          assert.deepEqual(other!.reported, { content: "ruder", metadata: { nothing: null }, version: 2 })
          assert.strictEqual(mine!.message.content, "")

          yield* erase(b)
          const left = (yield* all).filter(({ id }) => id >= first.id)
          assert.deepEqual(
            left.map(({ message: _, ...report }) => report),
            [
              { ...first, reported: { content: "" } },
              { ...second, reported: { content: "", version: 2 } }
            ]
          )
          assert.deepEqual(
            left.map(({ message }) => message.sender_username),
            [`deleted-${b.id}`, `deleted-${b.id}`]
          )
        })
    )

    it.effect("a report stays without its reporter and the reason when that user is erased", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const hikes = yield* group(a, [b, c])
        const message = yield* say(b, hikes, "rude")
        const [made, other] = [
          yield* report(a, message, "He is rude to me"),
          yield* report(c, message, "Rude")
        ]
        yield* erase(a)

        const { reporter_id: _, reason: __, ...left } = made
        assert.deepEqual(
          (yield* all).filter(({ id }) => id >= made.id).map(({ message: _, reported: __, ...one }) => one),
          [left, other]
        )
        assert.strictEqual(yield* refusal(report(a, message)), "NotMember")
      })
    )

    it.effect("a report is for those who may read the message, while it says something", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const hikes = yield* group(a, [b], { history: "joined" })
        const message = yield* say(b, hikes, "rude")
        const nobody = { ...a, id: UserId.make(MAX_USER_ID + 1) }
        assert.strictEqual(yield* refusal(report(c, message)), "NotMember")
        assert.strictEqual(yield* refusal(report(nobody, message)), "NotMember")
        assert.strictEqual(yield* refusal(report(a, { id: NO_MESSAGE_ID })), "MessageNotFound")
        yield* ConversationRepo.use((repo) => repo.putMember(a.id, hikes.id, c.id, undefined, 10))
        assert.strictEqual(yield* refusal(report(c, message)), "MessageNotFound")
        yield* EditRepo.use((repo) => repo.remove(b.id, message.id))
        assert.strictEqual(yield* refusal(report(a, message)), "MessageDeleted")
      })
    )

    it.effect("the application deletes any message: all who may read it are told, once", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const hikes = yield* group(a, [b])
        const message = yield* say(b, hikes, "rude")
        const edits = yield* EditRepo
        yield* edits.react(a.id, message.id, "👎")
        const { value, told } = yield* during([a, b, c], changed(edits.removeAny(message.id)))
        assert.deepInclude(value, { id: message.id, content: "" })
        assert.isString(value.deleted_at)
        assert.notProperty(value, "reactions")
        assert.deepEqual(
          told.map((frames) => frames.map(({ type }) => type)),
          [["message_deleted"], ["message_deleted"], []]
        )
        yield* unchanged(edits.removeAny(message.id))
        assert.strictEqual(yield* refusal(edits.removeAny(NO_MESSAGE_ID)), "MessageNotFound")

        const { message: direct } = yield* sendOne(draft(a, b, "hi"))
        assert.strictEqual((yield* changed(edits.removeAny(direct.id))).content, "")
      })
    )
  })

reportContract("in memory", memoryRepos)
reportContract("embedded", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("ReportRepo on PostgreSQL", () =>
  reportContract("PostgreSQL", postgresRepos)
)
