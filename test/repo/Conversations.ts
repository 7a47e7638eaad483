import { assert } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Conversation } from "../../src/domain/Conversation.ts"
import type { ConversationId } from "../../src/domain/ConversationId.ts"
import type { AppendedFact, Change } from "../../src/domain/Event.ts"
import { type GroupDraft, MessageId, type SendError } from "../../src/domain/Message.ts"
import type { Sent } from "../../src/domain/Send.ts"
import type { Unavailable } from "../../src/domain/Unavailable.ts"
import type { UserId } from "../../src/domain/User.ts"
import { EventBuilder, EventKinds } from "../../src/inbox/EventKinds.ts"
import type { BlockRepo } from "../../src/repo/BlockRepo.ts"
import { ConversationRepo, type NewGroup } from "../../src/repo/ConversationRepo.ts"
import type { EditRepo } from "../../src/repo/EditRepo.ts"
import { ErasureRepo, type StepBounds } from "../../src/repo/ErasureRepo.ts"
import type { ExportRepo } from "../../src/repo/ExportRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import type { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import type { ReportRepo } from "../../src/repo/ReportRepo.ts"
import type { SearchRepo } from "../../src/repo/SearchRepo.ts"
import type { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import type { UserRepo } from "../../src/repo/UserRepo.ts"
import { frameOf, framesInInbox } from "../support/Events.ts"

/** What the tests of conversations run against. */
export type Repos =
  | UserRepo
  | BlockRepo
  | MessageRepo
  | ConversationRepo
  | EditRepo
  | SearchRepo
  | ErasureRepo
  | ExportRepo
  | InboxRepo
  | ProfileRepo
  | ReportRepo
  | SuspensionRepo

export type ReposLayer<E> = Layer.Layer<Repos, E>

type Person = { readonly id: UserId }

/** As many members as the groups of these tests may have, unless a test says otherwise. */
export const MAXIMUM = 1000

/** An id of a message that the database will not give out in a test. */
export const NO_MESSAGE_ID = MessageId.make(9_000_000_000)

export type Frame = Readonly<Record<string, unknown>> & { readonly type: string }

/** The frames of a user's inbox after a number, without their own numbers. These have no gap. */
export const told = Effect.fnUntraced(function* (user: Person, after = 0) {
  const frames = (yield* framesInInbox(user.id, after)).map((frame) => JSON.parse(frame))
  assert.deepEqual(
    frames.map(({ seq }) => seq),
    frames.map((_, i) => after + i + 1)
  )
  return frames.map(({ seq: _, ...frame }): Frame => frame)
})

export const headOf = Effect.fnUntraced(function* (user: Person) {
  return (yield* (yield* InboxRepo).find(user.id)).head
})

/** What each of the users is told while an effect runs, and what came of it. */
export const during = Effect.fnUntraced(function* <A, E, R>(
  users: ReadonlyArray<Person>,
  run: Effect.Effect<A, E, R>
) {
  const heads = yield* Effect.forEach(users, headOf)
  const value = yield* run
  return { value, told: yield* Effect.forEach(users, (user, i) => told(user, heads[i])) }
})

/** The frames that the publishing of facts builds are those that the inboxes replay. */
const publishedAsReplayed = Effect.fnUntraced(function* (appended: ReadonlyArray<AppendedFact>) {
  const builder = new EventBuilder(yield* EventKinds)
  for (const { fact, places } of appended) {
    assert.isNotEmpty(places)
    const { build } = builder.prepare(fact)
    for (const { userId, seq } of places) {
      assert.deepEqual([frameOf(build(seq))], yield* framesInInbox(userId, seq - 1, 1))
    }
  }
})

/** The answer of a change whose facts, as published, are what the inboxes replay. */
export const changed = <A, E, R, Unread = never>(change: Effect.Effect<Change<A, Unread>, E, R>) =>
  Effect.flatMap(change, ({ value, appended }) => Effect.andThen(publishedAsReplayed(appended), value))

/** The answer of a change that must have no events. */
export const unchanged = <A, E, R, Unread = never>(change: Effect.Effect<Change<A, Unread>, E, R>) =>
  Effect.flatMap(change, ({ value, appended }) => {
    assert.deepEqual(appended, [])
    return value
  })

/** Why a call is refused. */
export const refusal = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(call), ({ _tag }) => _tag)

export const newGroup = (
  by: Person,
  members: ReadonlyArray<Person>,
  more: Partial<NewGroup> = {}
): NewGroup => ({
  by: by.id,
  title: "Hiking",
  memberIds: members.map(({ id }) => id),
  history: "all",
  metadata: undefined,
  clientId: undefined,
  ...more
})

/** Makes a group. */
export const group = (by: Person, members: ReadonlyArray<Person>, more: Partial<NewGroup> = {}) =>
  ConversationRepo.use((repo) => changed(repo.createGroup(newGroup(by, members, more), MAXIMUM)))

export const groupDraft = (
  from: Person,
  to: Pick<Conversation, "id">,
  content = "hello",
  more: Partial<GroupDraft> = {}
): GroupDraft => ({ sender_id: from.id, conversation_id: to.id, content, ...more })

/** Sends to groups; none may be refused. */
export const sendAllToGroups = Effect.fnUntraced(function* (drafts: ReadonlyArray<GroupDraft>) {
  const outcomes = yield* (yield* MessageRepo).sendToGroups(drafts)
  return yield* Effect.forEach(
    outcomes,
    (outcome): Effect.Effect<Sent, SendError | Unavailable> => Effect.fromResult(outcome)
  )
})

/** Sends one message to a group, and answers the message. */
export const say = (...draft: Parameters<typeof groupDraft>) =>
  Effect.map(sendAllToGroups([groupDraft(...draft)]), ([sent]) => sent!.message)

/** The messages of a conversation as a user reads them, oldest first. */
export const readBy = (user: Person, id: ConversationId) =>
  MessageRepo.use((repo) =>
    Effect.map(
      repo.ofConversation({ userId: user.id, conversationId: id, skip: 0, limit: 1000 }),
      ({ messages }) => messages.toReversed()
    )
  )

export const contentsOf = (messages: ReadonlyArray<{ readonly content: string }>) =>
  messages.map(({ content }) => content)

/** Steps so small that each erasure of a test has several. */
const SMALL: StepBounds = { rows: 2, events: 6 }

export const order = (user: Person) =>
  ErasureRepo.use((repo) => Effect.map(repo.order(user.id), ({ erasure }) => erasure))

/** Runs the steps of an erasure to its end, and answers how many there were. Each is published as it is replayed. */
export const finish = Effect.fnUntraced(function* (user: Person, bounds = SMALL) {
  const repo = yield* ErasureRepo
  for (let steps = 1; ; steps++) {
    const { appended, isDone } = yield* repo.step(user.id, bounds)
    yield* changed(Effect.succeed({ value: Effect.void, appended }))
    if (!isDone) continue
    yield* repo.finish(user.id)
    return steps
  }
})

export const erase = (user: Person) => Effect.andThen(order(user), finish(user))
