import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import { Database } from "../../src/database/Database.ts"
import { ConversationId } from "../../src/domain/ConversationId.ts"
import { MAX_USER_ID, type User, UserId } from "../../src/domain/User.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { DisconnectRepo } from "../../src/repo/DisconnectRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { ErasureRepo } from "../../src/repo/ErasureRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ReportRepo } from "../../src/repo/ReportRepo.ts"
import { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import { databaseUrl } from "../support/Services.ts"
import { group, groupDraft, type Repos, refusal } from "./Conversations.ts"
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

const suspend = (user: User) => SuspensionRepo.use((repo) => repo.suspend(user.id))
const restore = (user: User) => SuspensionRepo.use((repo) => repo.restore(user.id))
const find = (user: User) => SuspensionRepo.use((repo) => repo.find(user.id))

const send = (...drafts: ReadonlyArray<ReturnType<typeof draft>>) =>
  Effect.map(
    MessageRepo.use((repo) => repo.send(drafts)),
    verdicts
  )

const suspensionContract = <E>(
  name: string,
  repos: Layer.Layer<Repos | ErasureRepo | ReportRepo | SuspensionRepo, E>
) =>
  layer(repos, { excludeTestServices: true })(`SuspensionRepo: ${name}`, (it) => {
    it.effect("a suspension has the time of its first call, until it ends", () =>
      Effect.gen(function* () {
        const [a] = yield* newUsers(1)
        assert.deepEqual(yield* find(a!), { user_id: a!.id, suspended_at: null })
        yield* restore(a!)
        const made = yield* suspend(a!)
        assert.isString(made.suspended_at)
        assert.deepEqual(yield* suspend(a!), made)
        assert.deepEqual(yield* find(a!), made)
        yield* restore(a!)
        yield* restore(a!)
        assert.deepEqual(yield* find(a!), { user_id: a!.id, suspended_at: null })
      })
    )

    it.effect("who is suspended edits, deletes and reacts no more, until the suspension ends", () =>
      Effect.gen(function* () {
        const { alice: a, bob: b } = yield* newPair
        const { id } = (yield* sendOne(draft(a, b, "hello"))).message
        const changes = Effect.gen(function* () {
          const repo = yield* EditRepo
          const edit = { by: a.id, messageId: id, content: "hi", version: undefined, metadata: undefined }
          const made: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
            repo.edit(edit),
            repo.react(a.id, id, "👍"),
            repo.unreact(a.id, id, "👍"),
            repo.remove(a.id, id)
          ]
          return yield* Effect.forEach(made, (change) =>
            Effect.match(change, { onSuccess: () => "made", onFailure: ({ _tag }) => _tag })
          )
        })
        yield* suspend(a)
        assert.deepEqual(yield* changes, ["Suspended", "Suspended", "Suspended", "Suspended"])
        yield* restore(a)
        assert.deepEqual(yield* changes, ["made", "made", "made", "made"])
        yield* suspend(a)
        yield* EditRepo.use((repo) => repo.removeAny(id))
      })
    )

    it.effect("who is suspended neither reads on, reports, nor changes conversations, until it ends", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const { id: hikes } = yield* group(a, [b])
        const { id, conversation_id } = (yield* sendOne(draft(b, a, "hello"))).message
        const repo = yield* ConversationRepo
        const made = (title: string) =>
          repo.createGroup(
            { by: a.id, title, memberIds: [b.id], history: "all", metadata: undefined, clientId: undefined },
            10
          )
        const acts: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }, ReportRepo>> = [
          repo.markRead(a.id, conversation_id!, id),
          ReportRepo.use((reports) => reports.report(a.id, id, undefined)),
          made("swim"),
          repo.createDirect(a.id, c.id),
          repo.update(a.id, hikes, { title: "climb" }),
          repo.putMember(a.id, hikes, c.id, undefined, 10),
          repo.removeMember(a.id, hikes, b.id)
        ]
        const outcomes = Effect.forEach(acts, (act) =>
          Effect.match(act, { onSuccess: () => "made", onFailure: ({ _tag }) => _tag })
        )
        yield* suspend(a)
        assert.deepEqual(
          yield* outcomes,
          acts.map(() => "Suspended")
        )
        const { last_read_id, unread } = yield* repo.find(a.id, conversation_id!)
        assert.deepEqual([last_read_id, unread], [0, 1])
        yield* restore(a)
        assert.deepEqual(
          yield* outcomes,
          acts.map(() => "made")
        )
      })
    )

    it.effect("who is erased is not found", () =>
      Effect.gen(function* () {
        const [a] = yield* newUsers(1)
        yield* ErasureRepo.use((repo) => repo.order(a!.id))
        for (const call of [find, suspend, restore])
          assert.strictEqual(
            yield* refusal<unknown, { readonly _tag: string }, SuspensionRepo>(call(a!)),
            "UserNotFound"
          )
      })
    )

    it.effect("who is suspended is refused for that also in a conversation that is not there", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const { id } = (yield* sendOne(draft(bob, alice, "hello"))).message
        const read = ConversationRepo.use((repo) =>
          repo.markRead(alice.id, ConversationId.make(9_000_000_000), id)
        )
        assert.strictEqual(yield* refusal(read), "ConversationNotFound")
        yield* suspend(alice)
        assert.strictEqual(yield* refusal(read), "Suspended")
      })
    )

    it.effect("nobody can be suspended who is not there", () =>
      Effect.gen(function* () {
        const [a] = yield* newUsers(1)
        for (const id of [MAX_USER_ID, MAX_USER_ID + 1, Number.MAX_SAFE_INTEGER]) {
          const nobody = { ...a!, id: UserId.make(id) }
          for (const call of [find, suspend, restore])
            assert.strictEqual(
              yield* refusal<unknown, { readonly _tag: string }, SuspensionRepo>(call(nobody)),
              "UserNotFound"
            )
        }
      })
    )

    it.effect("a suspended user sends neither to users nor to groups, and gets what others send", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const hikes = yield* group(a, [b, c])
        yield* sendOne(draft(b, a, "hi", "before"))
        yield* suspend(b)
        const sends = send(draft(c, a), draft(b, a), draft(b, a, "hi", "before"), draft(a, b))
        assert.deepEqual(yield* sends, ["sent", "Suspended", "repeat", "sent"])
        const toGroup = MessageRepo.use((repo) =>
          repo.sendToGroups([groupDraft(c, hikes), groupDraft(b, hikes), groupDraft(a, hikes)])
        )
        assert.deepEqual(verdicts(yield* toGroup), ["sent", "Suspended", "sent"])
        yield* restore(b)
        assert.deepEqual(verdicts(yield* toGroup), ["sent", "sent", "sent"])
        assert.deepEqual(yield* send(draft(b, a)), ["sent"])
      })
    )
  })

suspensionContract("in memory", memoryRepos)
suspensionContract("embedded", embeddedRepos)

describe.runIf(databaseUrl !== undefined)("SuspensionRepo on PostgreSQL", () => {
  suspensionContract("PostgreSQL", postgresRepos)
  layer(postgresRepos, { excludeTestServices: true })("a suspension", (it) => {
    it.effect("is an order for all nodes, and so is its end; neither takes tokens back", () =>
      Effect.gen(function* () {
        const { alice } = yield* newPair
        const orders = yield* DisconnectRepo
        yield* restore(alice)
        assert.isUndefined(yield* orders.of(alice.id))
        yield* suspend(alice)
        const first = yield* orders.of(alice.id)
        assert.deepInclude(first, { closeCode: 4003, isSuspended: true, tokensNotBefore: undefined })
        yield* suspend(alice)
        assert.strictEqual((yield* orders.of(alice.id))?.orderedAt, first!.orderedAt)
        assert.deepInclude(yield* orders.order(alice.id, 4002, true), { isSuspended: true })
        yield* restore(alice)
        const last = yield* orders.of(alice.id)
        assert.isFalse(last!.isSuspended)
        assert.isNumber(last!.tokensNotBefore)
        assert.isAbove(last!.orderedAt, first!.orderedAt)
      })
    )

    it.effect("is later than every order before it, also after the database's clock was set back", () =>
      Effect.gen(function* () {
        const { alice, bob } = yield* newPair
        const orders = yield* DisconnectRepo
        const { sends: sql } = yield* Database
        const inAnHour = Effect.fnUntraced(function* (user: User) {
          yield* orders.order(user.id, 4002, false)
          yield* sql`UPDATE disconnects SET ordered_at = clock_timestamp() + interval '1 hour' WHERE user_id = ${user.id}::int`
          return (yield* orders.of(user.id))!.orderedAt
        })
        for (const next of [
          suspend(alice),
          orders.order(alice.id, 4002, false),
          ErasureRepo.use((repo) => repo.order(alice.id))
        ]) {
          const before = yield* inAnHour(alice)
          yield* next
          assert.isAbove((yield* orders.of(alice.id))!.orderedAt, before)
        }
        assert.isUndefined(yield* orders.of(bob.id))
      })
    )

    it.effect("that holds the user's inbox makes a send wait, which is refused then", () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* three
        const hikes = yield* group(a, [b, c])
        const { commit } = yield* opened((sql) => sql`SELECT * FROM change_suspension(${b.id}, true)`)
        const sending = yield* Effect.forkChild(send(draft(c, a), draft(b, a)))
        const toGroup = yield* Effect.forkChild(
          MessageRepo.use((repo) => repo.sendToGroups([groupDraft(b, hikes)]))
        )
        yield* somebodyWaits(2)
        yield* commit
        assert.deepEqual(yield* Fiber.join(sending), ["sent", "Suspended"])
        assert.deepEqual(verdicts(yield* Fiber.join(toGroup)), ["Suspended"])
      })
    )
  })
})
