import { assert } from "@effect/vitest"
import { type Context, Effect } from "effect"
import type { Change } from "../../../src/domain/Event.ts"
import type { Draft, GroupDraft, MessageId } from "../../../src/domain/Message.ts"
import type { UserId } from "../../../src/domain/User.ts"
import { EventBuilder, EventKinds } from "../../../src/inbox/EventKinds.ts"
import { BlockRepo } from "../../../src/repo/BlockRepo.ts"
import { ConversationRepo } from "../../../src/repo/ConversationRepo.ts"
import { EditRepo } from "../../../src/repo/EditRepo.ts"
import { ErasureRepo } from "../../../src/repo/ErasureRepo.ts"
import { InboxRepo } from "../../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../../src/repo/MessageRepo.ts"
import { ProfileRepo } from "../../../src/repo/ProfileRepo.ts"
import { ReportRepo } from "../../../src/repo/ReportRepo.ts"
import { SearchRepo } from "../../../src/repo/SearchRepo.ts"
import { SuspensionRepo } from "../../../src/repo/SuspensionRepo.ts"
import { UserRepo } from "../../../src/repo/UserRepo.ts"
import type { Repos } from "../../repo/Conversations.ts"
import { frameOf } from "../../support/Events.ts"
import { MAXIMUM, type Operation, type Outcome } from "./Operation.ts"
import type { Event, Reported, Server } from "./Server.ts"

/** So little that an erasure takes many steps. */
const ERASED_AT_ONCE = { rows: 3, events: 10 }

const changedOr = <A, E>({ value, appended }: Change<A, E>, id?: (value: A) => number) =>
  Effect.map(
    value,
    (value): Outcome => ({
      verdict: appended.some(({ places }) => places.length > 0) ? "changed" : "unchanged",
      ...(id === undefined ? {} : { id: id(value) })
    })
  )

/** The repositories of one server. */
export const reposServer = Effect.gen(function* () {
  const repos: Context.Context<Repos> = yield* Effect.context<Repos>()
  const builder = new EventBuilder(yield* EventKinds)

  const send = Effect.fnUntraced(function* (operation: Extract<Operation, { type: "send" }>) {
    const { by, to, content, replyTo, clientId, metadata } = operation
    const draft = {
      sender_id: by,
      content,
      ...(replyTo === undefined ? {} : { reply_to_id: replyTo }),
      ...(clientId === undefined ? {} : { client_id: clientId }),
      ...(metadata === undefined ? {} : { metadata })
    }
    const repo = yield* MessageRepo
    const [outcome] =
      "group" in to
        ? yield* repo.sendToGroups([{ ...draft, conversation_id: to.group } satisfies GroupDraft])
        : yield* repo.send([{ ...draft, receiver_id: to.user } satisfies Draft])
    const { message, isRepeat } = yield* Effect.fromResult(outcome!)
    return { verdict: isRepeat ? "unchanged" : "changed", id: message.id } satisfies Outcome
  })

  const erase = Effect.fnUntraced(function* (user: UserId) {
    const repo = yield* ErasureRepo
    const { erasure } = yield* repo.order(user)
    // Another server may erase the same user, or wait for the same locks.
    const step = Effect.retry(repo.step(user, ERASED_AT_ONCE), { times: 20 })
    yield* Effect.repeat(step, { until: ({ isDone }) => isDone })
    yield* repo.finish(user)
    return { verdict: erasure.finished_at === null ? "changed" : "unchanged" } satisfies Outcome
  })

  const run = Effect.fnUntraced(function* (operation: Operation) {
    const conversations = yield* ConversationRepo
    const edits = yield* EditRepo
    const { by } = operation
    switch (operation.type) {
      case "send":
        return yield* send(operation)
      case "createGroup": {
        const { title, members: memberIds, history, clientId } = operation
        const group = { by, title, memberIds, history, metadata: undefined, clientId }
        return yield* changedOr(yield* conversations.createGroup(group, MAXIMUM), ({ id }) => id)
      }
      case "createDirect":
        return yield* changedOr(yield* conversations.createDirect(by, operation.other), ({ id }) => id)
      case "update": {
        const { conversation, title, metadata } = operation
        return yield* changedOr(yield* conversations.update(by, conversation, { title, metadata }))
      }
      case "putMember": {
        const { conversation, member, role } = operation
        return yield* changedOr(yield* conversations.putMember(by, conversation, member, role, MAXIMUM))
      }
      case "removeMember":
        return yield* changedOr(
          yield* conversations.removeMember(by, operation.conversation, operation.member)
        )
      case "markRead":
        return yield* changedOr(yield* conversations.markRead(by, operation.conversation, operation.message))
      case "edit": {
        const { message: messageId, content, version, metadata } = operation
        return yield* changedOr(yield* edits.edit({ by, messageId, content, version, metadata }))
      }
      case "remove":
        return yield* changedOr(yield* edits.remove(by, operation.message))
      case "report":
        // The answer does not tell whether it is the first: the list of all reports does.
        yield* (yield* ReportRepo).report(by, operation.message, undefined)
        return { verdict: "unchanged" } satisfies Outcome
      case "removeAny":
        return yield* changedOr(yield* edits.removeAny(operation.message))
      case "react":
        return yield* changedOr(yield* edits.react(by, operation.message, operation.emoji))
      case "block":
        return yield* changedOr(yield* (yield* BlockRepo).block(by, operation.other))
      case "unblock":
        return yield* changedOr(yield* (yield* BlockRepo).unblock(by, operation.other))
      case "rename":
        return yield* changedOr(yield* (yield* ProfileRepo).update(by, { display_name: operation.name }))
      case "suspend":
      case "restore": {
        const suspensions = yield* SuspensionRepo
        yield* operation.type === "suspend" ? suspensions.suspend(by) : suspensions.restore(by)
        return { verdict: "changed" } satisfies Outcome
      }
      case "erase":
        return yield* erase(by)
      case "unreact":
        return yield* changedOr(yield* edits.unreact(by, operation.message, operation.emoji))
    }
  })

  const provided = <A, E>(effect: Effect.Effect<A, E, Repos>) => Effect.provideContext(effect, repos)

  const ofMember = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E, Repos>, none: A) =>
    provided(effect).pipe(
      Effect.catch((error) => (error._tag === "NotMember" ? Effect.succeed(none) : Effect.die(error)))
    )

  return {
    perform: (operation) =>
      provided(run(operation)).pipe(
        Effect.catch((error) => {
          assert.notStrictEqual(error._tag, "Unavailable", `${error}`)
          return Effect.succeed<Outcome>({ verdict: "refused", why: error._tag })
        })
      ),
    conversationOf: (user, message) =>
      ofMember(
        Effect.map(
          MessageRepo.use((repo) => repo.find(user, message)),
          ({ conversation_id }) => conversation_id
        ),
        undefined
      ),
    list: (user, limit, before) =>
      Effect.orDie(provided(ConversationRepo.use((repo) => repo.list(user, limit, before)))),
    find: (user, id) =>
      ofMember(
        ConversationRepo.use((repo) => repo.find(user, id)),
        undefined
      ),
    messages: (userId, conversationId, beforeId, limit) =>
      ofMember(
        Effect.map(
          MessageRepo.use((repo) =>
            repo.ofConversation({ userId, conversationId, beforeId, skip: 0, limit })
          ),
          ({ messages }) => messages
        ),
        []
      ),
    members: (user, id) =>
      ofMember(
        Effect.map(
          ConversationRepo.use((repo) => repo.members(user, id, undefined, 100)),
          ({ members }) => members
        ),
        []
      ),
    search: (userId, text) =>
      Effect.gen(function* () {
        const repo = yield* SearchRepo
        const ids: Array<MessageId> = []
        let beforeId: MessageId | undefined
        do {
          const page = yield* repo.search({ userId, text, beforeId, limit: 100 })
          ids.push(...page.messages.map(({ id }) => id))
          beforeId = page.next
        } while (beforeId !== undefined)
        return ids
      }).pipe(provided, Effect.orDie),
    blocked: (user) =>
      Effect.orDie(
        provided(
          Effect.map(
            BlockRepo.use((repo) => repo.list(user, undefined, 100)),
            ({ blocks }) => blocks.map(({ blocked_id }) => blocked_id)
          )
        )
      ),
    reports: Effect.gen(function* () {
      const repo = yield* ReportRepo
      const all: Array<Reported> = []
      let after: number | undefined
      do {
        const page = yield* repo.list(after, 20)
        for (const { message_id: message, reported, reporter_id: by } of page.reports)
          all.push({ message, by, content: reported.content, metadata: reported.metadata })
        after = page.next
      } while (after !== undefined)
      return all
    }).pipe(provided, Effect.orDie),
    displayNameOf: (user) =>
      Effect.orDie(
        provided(
          Effect.map(
            UserRepo.use((repo) => repo.find(user)),
            ({ display_name }) => display_name
          )
        )
      ),
    events: (user, after, limit) =>
      provided(InboxRepo.use((repo) => repo.page(user, after, limit, builder.newMessageTypes))).pipe(
        Effect.map((records) => records.map((record) => JSON.parse(frameOf(builder.build(record))) as Event)),
        Effect.orDie
      )
  } satisfies Server
})
