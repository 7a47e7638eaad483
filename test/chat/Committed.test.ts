import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Statement } from "effect/sql"
import { committed } from "../../src/chat/Committed.ts"
import { Database } from "../../src/database/Database.ts"
import type { NotMember } from "../../src/domain/ConversationErrors.ts"
import type { AppendedFact, Change } from "../../src/domain/Event.ts"
import type { Message } from "../../src/domain/Message.ts"
import { Unavailable } from "../../src/domain/Unavailable.ts"
import type { User } from "../../src/domain/User.ts"
import { EventPublisher } from "../../src/inbox/EventPublisher.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { group, MAXIMUM, type ReposLayer, say } from "../repo/Conversations.ts"
import { embeddedRepos, memoryRepos, newUsers, postgresRepos } from "../repo/Repos.ts"
import { databaseUrl } from "../support/Services.ts"

/** Commits changes, and notes what is published. */
const committing = Effect.gen(function* () {
  const published: Array<AppendedFact> = []
  const publisher = EventPublisher.of({
    publish: (facts) => Effect.sync(() => facts.map((fact) => [published.push(fact) > 0]))
  })
  const commit = yield* Effect.provideService(committed, EventPublisher, publisher)
  return { published, commit }
})

/** Runs an effect on a database that fails some of its statements. The first one has the number 1. */
const failing = (fails: (statement: number) => boolean) =>
  Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const database = yield* Effect.serviceOption(Database)
    let statements = 0
    return yield* Effect.provideService(effect, Statement.CurrentTransformer, (statement) =>
      Effect.succeed(
        fails(++statements) && database._tag === "Some" ? database.value.sends`SELECT 1 / 0` : statement
      )
    )
  })

const afterTheCommit = failing((statement) => statement > 1)
const onceAfterTheCommit = failing((statement) => statement === 2)

it.effect("a change whose answer cannot be read is published before it fails", () =>
  Effect.gen(function* () {
    const { commit, published } = yield* committing
    const fact: AppendedFact = {
      fact: { type: "read", committedAt: 0, message: undefined, clientId: undefined, payload: {} },
      places: []
    }
    const unavailable = new Unavailable({ dependency: "database", cause: "down" })

    const error = yield* Effect.flip(
      commit(Effect.succeed({ value: Effect.fail(unavailable), appended: [fact] }))
    )

    assert.strictEqual(error, unavailable)
    assert.deepEqual(published, [fact])
  })
)

const contract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(
    `changes on a database that fails after the commit: ${name}`,
    (it) => {
      const newGroup = Effect.gen(function* () {
        const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
        const { id } = yield* group(a, [b])
        return { a, b, c, id, message: yield* say(a, { id }, "first") }
      })
      type Group = Effect.Success<typeof newGroup>
      const changes: Record<
        string,
        (repo: ConversationRepo["Service"], of: Group) => Effect.Effect<Change<unknown, NotMember>, unknown>
      > = {
        "a member is added": (repo, { a, c, id }) => repo.putMember(a.id, id, c.id, undefined, MAXIMUM),
        "a group is renamed": (repo, { a, id }) => repo.update(a.id, id, { title: "Renamed" }),
        "a message is read": (repo, { b, id, message }) => repo.markRead(b.id, id, message.id)
      }

      for (const [what, change] of Object.entries(changes)) {
        it.effect(`are published all the same: ${what}`, () =>
          Effect.gen(function* () {
            const { commit, published } = yield* committing
            const made = yield* newGroup

            yield* Effect.ignore(afterTheCommit(commit(change(yield* ConversationRepo, made))))

            assert.isNotEmpty(published)
          })
        )
      }

      for (const what of ["added", "taken back"]) {
        it.effect(`are published all the same: a reaction is ${what}`, () =>
          Effect.gen(function* () {
            const { commit, published } = yield* committing
            const { b, message } = yield* newGroup
            const repo = yield* EditRepo
            if (what === "taken back") yield* repo.react(b.id, message.id, "👍")
            const change = what === "added" ? repo.react : repo.unreact

            yield* Effect.ignore(afterTheCommit(commit(change(b.id, message.id, "👍"))))

            assert.deepEqual(
              published.map(({ fact, places }) => [fact.type, places.length]),
              [["reaction", 2]]
            )
          })
        )
      }

      // The answers of these, and the events of all but a reaction, hold the message: it is read once more when that fails.
      const changesOfMessages: Record<
        string,
        (repo: EditRepo["Service"], of: Group) => Effect.Effect<Change<Message>, unknown>
      > = {
        "a message is edited": (repo, { a, message }) =>
          repo.edit({
            by: a.id,
            messageId: message.id,
            content: "Edited",
            version: undefined,
            metadata: undefined
          }),
        "a message is deleted": (repo, { a, message }) => repo.remove(a.id, message.id),
        "the application deletes a message": (repo, { message }) => repo.removeAny(message.id),
        "a reaction is added": (repo, { b, message }) => repo.react(b.id, message.id, "👍")
      }

      for (const [what, change] of Object.entries(changesOfMessages)) {
        it.effect(`are published and answered when one read fails: ${what}`, () =>
          Effect.gen(function* () {
            const { commit, published } = yield* committing
            const made = yield* newGroup

            const { value } = yield* onceAfterTheCommit(commit(change(yield* EditRepo, made)))

            assert.strictEqual(value.id, made.message.id)
            assert.deepEqual(
              published.map(({ places }) => places.length),
              [2]
            )
          })
        )
      }
    }
  )

layer(embeddedRepos, { excludeTestServices: true })(
  "an edit before whose answer the next one commits",
  (it) => {
    it.effect("is not published with that to a member who was removed in between", () =>
      Effect.gen(function* () {
        const [a, b, c] = (yield* newUsers(3)) as [User, User, User]
        const { id } = yield* group(a, [b, c])
        const message = yield* say(a, { id }, "first")
        const repo = yield* EditRepo
        const conversations = yield* ConversationRepo
        const edit = (content: string) =>
          repo.edit({ by: a.id, messageId: message.id, content, version: undefined, metadata: undefined })
        const later: Array<AppendedFact> = []
        const removeAndEdit = Effect.gen(function* () {
          yield* conversations.removeMember(a.id, id, b.id)
          later.push(...(yield* edit("secret")).appended)
        })
        let statements = 0

        const { value, appended } = yield* Effect.provideService(
          edit("second"),
          Statement.CurrentTransformer,
          (statement) =>
            ++statements === 2 ? Effect.as(Effect.orDie(removeAndEdit), statement) : Effect.succeed(statement)
        )

        assert.include(yield* value, { content: "secret", version: 3 })
        assert.deepEqual(appended, [])
        assert.deepEqual(
          later.map(({ fact, places }) => [fact.message?.content, places.map(({ userId }) => userId)]),
          [["secret", [a.id, c.id]]]
        )
      })
    )
  }
)

contract("memory", memoryRepos)
contract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  contract("PostgreSQL", postgresRepos)
)
