import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { MessageId } from "../../src/domain/Message.ts"
import type { User } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { ExportRepo } from "../../src/repo/ExportRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { changed, group, type ReposLayer, say } from "./Conversations.ts"
import { draft, embeddedRepos, memoryRepos, newUsers, postgresRepos, sendAll } from "./Repos.ts"

const pair = Effect.map(newUsers(2), (users) => users as [User, User])

const messagesOf = (user: User, after?: MessageId, limit = 100) =>
  ExportRepo.use((repo) =>
    Effect.map(repo.messages(user.id, after, limit), (records) => records.map(({ message }) => message))
  )

const exportContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`ExportRepo: ${name}`, (it) => {
    it.effect("the messages of a user come in pages by ascending id, those to groups among the others", () =>
      Effect.gen(function* () {
        const [alice, bob] = yield* pair
        const hike = yield* group(bob, [alice])
        yield* sendAll([draft(alice, bob, "one"), draft(bob, alice, "of bob")])
        yield* say(alice, hike, "two")
        yield* sendAll([draft(alice, bob, "three")])

        const first = yield* messagesOf(alice, undefined, 2)
        const rest = yield* messagesOf(alice, first.at(-1)!.id, 2)
        assert.deepEqual(
          [...first, ...rest].map(({ content }) => content),
          ["one", "two", "three"]
        )
      })
    )

    it.effect("what a message quotes is withheld from who has left the group", () =>
      Effect.gen(function* () {
        const [alice, bob] = yield* pair
        const hike = yield* group(bob, [alice])
        const quoted = yield* say(bob, hike, "told to members")
        yield* say(alice, hike, "answer", { reply_to_id: quoted.id })
        const quotes = Effect.map(messagesOf(alice), (all) => all.map(({ reply_to }) => reply_to?.content))
        assert.deepEqual(yield* quotes, ["told to members"])

        yield* changed(ConversationRepo.use((repo) => repo.removeMember(alice.id, hike.id, alice.id)))
        yield* changed(
          EditRepo.use((repo) =>
            repo.edit({
              by: bob.id,
              messageId: quoted.id,
              content: "told later",
              version: undefined,
              metadata: undefined
            })
          )
        )
        const [own] = yield* messagesOf(alice)
        assert.strictEqual(own!.content, "answer")
        assert.deepEqual(own!.reply_to, { id: quoted.id, sender_id: bob.id, content: "" })
      })
    )
  })

exportContract("memory", memoryRepos)
exportContract("embedded database", embeddedRepos)
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  exportContract("PostgreSQL", postgresRepos)
)
