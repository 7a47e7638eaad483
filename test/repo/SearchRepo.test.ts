import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { SearchQuery } from "../../src/domain/Search.ts"
import { MAX_USER_ID, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { SearchBounds } from "../../src/repo/SearchBounds.ts"
import { SearchRepo } from "../../src/repo/SearchRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { changed, group, MAXIMUM, type ReposLayer, refusal, say } from "./Conversations.ts"
import { draft, embeddedRepos, memoryRepos, newPair, newUsers, postgresRepos, sendOne } from "./Repos.ts"

type Person = { readonly id: UserId }

const page = (by: Person, text: string, more: Partial<SearchQuery> = {}) =>
  SearchRepo.use((repo) => repo.search({ userId: by.id, text, limit: 20, ...more }))

/** The contents that a search finds. */
const search = (by: Person, text: string, more: Partial<SearchQuery> = {}) =>
  Effect.map(page(by, text, more), ({ messages }) => messages.map(({ content }) => content))

const tell = (from: Person, to: Person, content: string) =>
  Effect.map(sendOne(draft(from, to, content)), ({ message }) => message)

/** Two users who exchanged these messages. */
const exchanged = Effect.fnUntraced(function* (...contents: ReadonlyArray<string>) {
  const pair = yield* newPair
  const messages = yield* Effect.forEach(contents, (content) => tell(pair.alice, pair.bob, content))
  return { ...pair, messages }
})

/** What a text is searched for with, and whether it is found. */
const COMPARED: ReadonlyArray<readonly [content: string, text: string, isFound: boolean]> = [
  ["Meet me on Sunday for the hike", "sunday hike", true],
  ["Meet me on Sunday for the hike", "hike sunday", true],
  ["Meet me on Sunday for the hike", "HIKE for sun", true],
  ["Meet me on Sunday for the hike", "sun hike", false],
  ["Meet me on Sunday for the hike", "sunday monday", false],
  ["Meet me on Sunday for the hike", "unday", false],
  ["Meet me on Sunday for the hike", "sunday sunday sunday", true],
  ["the the the", "the", true],
  ["order 4711/b", "4711 b", true],
  ["don't, snake_case; a@example.com #tag", "don", true],
  ["don't, snake_case; a@example.com #tag", "case", true],
  ["don't, snake_case; a@example.com #tag", "example tag", true],
  ["don't, snake_case; a@example.com #tag", "a@example.com", true],
  ["a\nb\tc\u00a0d\u3000e", "e d c b a", true],
  // Case and accents.
  ["Crème brûlée à la façon de Noël", "CREME BRULEE noel", true],
  ["creme brulee", "crème brûl", true],
  ["Straße nach Łódź und Tromsø", "STRASSE lodz tromso", true],
  ["strasse", "straß", true],
  ["İstanbul ve ISPARTA ve ısı", "istanbul isparta isi", true],
  ["ΟΔΥΣΣΕΥΣ στο τέλος", "οδυσσευς τελος", true],
  ["Ёлка и йод", "елка йод", true],
  ["ﬁne ｆｕｌｌ ① ℌ", "fine full 1 h", true],
  ["cafe\u0301", "caf\u00e9", true],
  ["שָׁלוֹם", "שלום", true],
  ["مَرْحَبًا", "مرحبا", true],
  ["नमस्ते दुनिया", "दुनिया नम", true],
  ["नमस्ते दुनिया", "निया", false],
  ["한국어 메시지를 보냈다", "메시지", true],
  // Scripts without spaces: any part.
  ["明日東京都庁で会いましょう", "東京", true],
  ["明日東京都庁で会いましょう", "京", true],
  ["明日東京都庁で会いましょう", "東京都庁", true],
  ["明日東京都庁で会いましょう", "東京庁", false],
  ["明日東京都庁で会いましょう", "会い 東京", true],
  ["明日東京都庁で会いましょう", "う", true],
  ["東京に行く。京都にも行く", "東京都", false],
  ["我们明天去看电影", "电影", true],
  ["我们明天去看电影", "影电", false],
  ["カタカナとｶﾀｶﾅ", "カタカナ", true],
  ["ｶﾞｷﾞ", "ガギ", true],
  ["がぎぐ", "かき", false],
  ["พรุ่งนี้ไปเที่ยวทะเลกัน", "ทะเล", true],
  ["พรุ่งนี้ไปเที่ยวทะเลกัน", "เที่ยว", true],
  ["พรุ่งนี้ไปเที่ยวทะเลกัน", "ภูเขา", false],
  ["ພາສາລາວ ភាសាខ្មែរ မြန်မာဘာသာ", "ລາວ ខ្មែរ ဘာသာ", true],
  ["東京towerに行くMac版", "tower 東京", true],
  ["東京towerに行くMac版", "tow", true],
  ["東京towerに行くMac版", "版", true],
  ["東京towerに行くMac版", "owe", false],
  ["great 🎉👍🏽 and 🇩🇪 ❤️", "👍", true],
  ["great 🎉👍🏽 and 🇩🇪 ❤️", "🎉 ❤ great", true],
  ["great 🎉👍🏽 and 🇩🇪 ❤️", "😀", false],
  ["𠮷野家で", "𠮷野", true],
  // No character is an operator.
  ["cats and dogs", "cats & dogs", true],
  ["cats and dogs", "cats | birds", false],
  ["cats and dogs", "!cats", true],
  ["cats and dogs", "cats <-> dogs", true],
  ["cats and dogs", "dogs <2> cats", false],
  ["cats and dogs", "ca:* dogs", false],
  ["cats and dogs", "cats dog:*", true],
  ["cats and dogs", "'cats' \\ \"dogs", true],
  ["cats and dogs", "ca%", true],
  ["cats and dogs", "c_ts", false],
  ["cats and dogs", "c*ts", false],
  ["cats and dogs", "$1 cats", false],
  ["cats and dogs", "cats\\", true]
]

const searchRepoContract = <E>(name: string, repos: ReposLayer<E>) =>
  layer(repos, { excludeTestServices: true })(`SearchRepo: ${name}`, (it) => {
    const edit = (by: Person, messageId: Parameters<EditRepo["Service"]["remove"]>[1], content: string) =>
      EditRepo.use((repo) =>
        changed(repo.edit({ by: by.id, messageId, content, version: undefined, metadata: undefined }))
      )

    it.effect.each(COMPARED)("in %j, %j is found: %s", ([content, text, isFound]) =>
      Effect.gen(function* () {
        const { alice, bob } = yield* exchanged(content, "something else")
        assert.deepEqual(yield* search(bob, text), isFound ? [content] : [])
        assert.deepEqual(yield* search(alice, text), isFound ? [content] : [])
      })
    )

    it.effect.each([".", "?!", "& | ! <-> :* ' \\ ( ) %", "\u0301", "\u200d", "—…„“"])(
      "%j has no word, so it finds nothing",
      (text) =>
        Effect.gen(function* () {
          const { alice } = yield* exchanged(text, "a b c")
          assert.deepEqual(yield* page(alice, text), { messages: [], next: undefined })
        })
    )

    it.effect("as many words as fit are all looked for", () =>
      Effect.gen(function* () {
        const letters = [..."abcdefghijklmnopqrstuvwxyz"].join(" ")
        const { alice } = yield* exchanged(letters)
        const many = Array.from({ length: 100 }, (_, i) => "abcdefghijklmnopqrstuvwxyz"[i % 26]).join(" ")
        assert.lengthOf(yield* search(alice, many), 1)
        assert.lengthOf(yield* search(alice, `${many.slice(0, -2)} 1`), 0)
        assert.lengthOf(yield* search(alice, "東".repeat(200)), 0)
        assert.lengthOf(yield* search(alice, "x".repeat(200)), 0)
      })
    )

    it.effect("a word of any length is found by its beginning, and by all of it", () =>
      Effect.gen(function* () {
        const { alice } = yield* exchanged("x".repeat(1000), "あ".repeat(1000))
        assert.lengthOf(yield* search(alice, "x".repeat(39)), 1)
        assert.lengthOf(yield* search(alice, "x".repeat(200)), 1)
        assert.lengthOf(yield* search(alice, "あ".repeat(200)), 1)
      })
    )

    it.effect("finds the newest first, in pages", () =>
      Effect.gen(function* () {
        const { alice, messages } = yield* exchanged("ape 1", "bee 2", "ape 3", "ape 4")
        const first = yield* page(alice, "ape", { limit: 2 })
        assert.deepEqual(first, { messages: [messages[3]!, messages[2]!], next: messages[2]!.id })
        const second = yield* page(alice, "ape", { limit: 2, beforeId: first.next })
        assert.deepEqual(second, { messages: [messages[0]!], next: undefined })
        assert.deepEqual(yield* search(alice, "ape", { beforeId: messages[0]!.id }), [])
      })
    )

    it.effect("a message is found as its readers see it", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const hikes = yield* group(alice, [bob])
        const first = yield* say(alice, hikes, "a question")
        const reply = yield* say(bob, hikes, "an answer", { reply_to_id: first.id, metadata: { a: 1 } })
        yield* EditRepo.use((repo) => changed(repo.react(bob.id, reply.id, "👍")))
        assert.deepEqual((yield* page(alice, "answer")).messages, [
          { ...reply, reactions: [{ emoji: "👍", count: 1, mine: false }] }
        ])
      })
    )

    describe("an edited message", () => {
      it.effect("is found by its new words only", () =>
        Effect.gen(function* () {
          const { alice, bob, messages } = yield* exchanged("apples", "pears")
          yield* edit(alice, messages[0]!.id, "oranges")
          assert.deepEqual(yield* search(bob, "apples"), [])
          assert.deepEqual(yield* search(bob, "oranges"), ["oranges"])
          assert.deepEqual(yield* search(bob, "pears"), ["pears"])
        })
      )
    })

    it.effect("a deleted message is not found", () =>
      Effect.gen(function* () {
        const { alice, bob, messages } = yield* exchanged("apples", "apples again")
        yield* EditRepo.use((repo) => changed(repo.remove(alice.id, messages[0]!.id)))
        assert.deepEqual(yield* search(bob, "apples"), ["apples again"])
      })
    )

    describe("who finds a message", () => {
      it.effect("of two users: both, and no one else", () =>
        Effect.gen(function* () {
          const [alice, bob, carol] = yield* newUsers(3)
          yield* tell(alice!, bob!, "a secret of two")
          yield* tell(carol!, bob!, "a secret of carol")
          assert.deepEqual(yield* search(alice!, "secret"), ["a secret of two"])
          assert.deepEqual(yield* search(bob!, "secret"), ["a secret of carol", "a secret of two"])
          assert.deepEqual(yield* search(carol!, "secret"), ["a secret of carol"])
        })
      )

      it.effect("of a group: its members, from all their conversations or of one", () =>
        Effect.gen(function* () {
          const [alice, bob, carol] = yield* newUsers(3)
          const one = yield* group(alice!, [bob!])
          const other = yield* group(alice!, [bob!, carol!])
          yield* say(alice!, one, "lunch in one")
          yield* say(bob!, other, "lunch in other")
          const direct = yield* tell(alice!, bob!, "lunch of two")
          assert.deepEqual(yield* search(bob!, "lunch"), ["lunch of two", "lunch in other", "lunch in one"])
          assert.deepEqual(yield* search(bob!, "lunch", { conversationId: one.id }), ["lunch in one"])
          assert.deepEqual(yield* search(bob!, "lunch", { conversationId: other.id }), ["lunch in other"])
          assert.deepEqual(yield* search(bob!, "lunch", { conversationId: direct.conversation_id }), [
            "lunch of two"
          ])
          assert.deepEqual(yield* search(carol!, "lunch"), ["lunch in other"])
        })
      )

      it.effect("after leaving a group: nobody, also not what was sent before", () =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const hikes = yield* group(alice, [bob])
          yield* say(bob, hikes, "before")
          yield* ConversationRepo.use((repo) => changed(repo.removeMember(bob.id, hikes.id, bob.id)))
          yield* say(alice, hikes, "afterwards")
          assert.deepEqual(yield* search(bob, "before"), [])
          assert.deepEqual(yield* search(bob, "afterwards"), [])
          assert.strictEqual(yield* refusal(search(bob, "before", { conversationId: hikes.id })), "NotMember")
        })
      )

      const HISTORIES: ReadonlyArray<readonly ["joined" | "all", Array<string>]> = [
        ["joined", ["seen later"]],
        ["all", ["seen later", "seen before"]]
      ]
      it.effect.each(HISTORIES)("who joined a group later, with the history %s: %j", ([history, seen]) =>
        Effect.gen(function* () {
          const { alice, bob } = yield* newPair
          const hikes = yield* group(alice, [], { history })
          yield* say(alice, hikes, "seen before")
          yield* ConversationRepo.use((repo) =>
            changed(repo.putMember(alice.id, hikes.id, bob.id, undefined, MAXIMUM))
          )
          yield* say(alice, hikes, "seen later")
          assert.deepEqual(yield* search(bob, "seen"), seen)
          assert.deepEqual(yield* search(bob, "seen", { conversationId: hikes.id }), seen)
        })
      )

      it.effect("in a conversation: its members; a stranger is refused", () =>
        Effect.gen(function* () {
          const [alice, bob, carol] = yield* newUsers(3)
          const { conversation_id: conversationId } = yield* tell(alice!, bob!, "hello")
          assert.strictEqual(yield* refusal(search(carol!, "hello", { conversationId })), "NotMember")
          const nobody = { id: UserId.make(MAX_USER_ID + 1) }
          assert.strictEqual(yield* refusal(search(nobody, "hello", { conversationId })), "NotMember")
          assert.deepEqual(yield* search(nobody, "hello"), [])
          const nowhere = { conversationId: 9_000_000_000 as NonNullable<typeof conversationId> }
          assert.strictEqual(yield* refusal(search(alice!, "hello", nowhere)), "ConversationNotFound")
        })
      )
    })
  })

/** All but the newest message is found by the index only. */
const byIndex = Layer.succeed(SearchBounds, { lookThrough: 1, patience: 10_000 })

searchRepoContract("memory", memoryRepos)
searchRepoContract("embedded database", embeddedRepos)
searchRepoContract("embedded database, by the index", Layer.provide(embeddedRepos, byIndex))
describe.runIf(databaseUrl !== undefined)("with TEST_DATABASE_URL", () =>
  searchRepoContract("PostgreSQL, by the index", Layer.provide(postgresRepos, byIndex))
)
