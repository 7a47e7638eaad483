import { Effect } from "effect"
import { OpenPlaces } from "../access/OpenPlaces.ts"
import { CurrentCaller } from "../api/Authorization.ts"
import { Wait as WaitSeconds } from "../api/Parameters.ts"
import { serviceUnavailable, tooManyPlaces, userNotFound } from "../api/ProblemOf.ts"
import { EventLimit, EventPage } from "../api/Users.ts"
import type { InboxEvent } from "../domain/Event.ts"
import type { UserId } from "../domain/User.ts"
import { type InboxPage, InboxReader } from "../inbox/InboxReader.ts"
import { type Wait, Waits } from "../inbox/Waits.ts"
import { InboxRepo } from "../repo/InboxRepo.ts"
import { LONG_MESSAGE_BYTES } from "./Answers.ts"
import { unstored } from "./Authorization.ts"
import { tagged, tagOf, unlessKnown } from "./Conditional.ts"
import { jsonWithRaw, RawJson } from "./Json.ts"
import { LateAnswers } from "./LateAnswers.ts"
import * as Permit from "./Permit.ts"

/** What a read of events asks for. */
interface EventQuery {
  readonly since: number
  readonly limit?: number
  readonly wait?: number
  readonly epoch?: string
}

interface PollQuery extends EventQuery {
  readonly wait: number
}

interface Request {
  readonly params: { readonly user_id: UserId }
  readonly query: EventQuery
}

const eventPage = jsonWithRaw(EventPage)

/** The handlers that read a user's events. */
export const make = Effect.gen(function* () {
  const inboxes = yield* InboxRepo
  const reader = yield* InboxReader
  const waits = yield* Waits
  const places = yield* OpenPlaces
  const lateAnswers = yield* LateAnswers
  const { permit, permitRows, reserve } = yield* Permit.make

  const currentTag = (userId: UserId) =>
    Effect.map(inboxes.bounds(userId), (bounds) => bounds && tagOf(bounds.epoch, bounds.head, bounds.pruned))

  const read = (userId: UserId, { since, limit = EventLimit.byDefault, epoch }: EventQuery) =>
    reader.read(userId, since, limit, epoch, (events) => reserve(events, LONG_MESSAGE_BYTES))

  const answerWith = ({ events, cursor, epoch, recovered, head, pruned }: InboxPage) =>
    tagged(tagOf(epoch, head, pruned), eventPage({ events: arrayOf(events), cursor, epoch, recovered }))

  /** Reads the page of a poll. When it has no event, also begins the wait for one; else the page is the answer. */
  const firstPage = Effect.fnUntraced(function* (userId: UserId, query: PollQuery) {
    const page = yield* Effect.interruptible(read(userId, query))
    const isSettled = !page.recovered || page.events.length > 0
    if (!isSettled) return { page, wait: yield* waits.begin(userId, query.since, query.wait) }
    yield* waits.answered(userId)
    return { page, wait: undefined }
  })

  /** Answers at the end of the wait: with the new events, or with the empty page that was read before the wait. */
  const answerAfter = (wait: Wait, userId: UserId, query: PollQuery, empty: InboxPage) =>
    Effect.flatMap(CurrentCaller, (caller) =>
      lateAnswers.defer({
        whenDue: (answer) => wait.whenOver(answer),
        release: () => {
          wait.stop()
          places.releasePoll(userId)
        },
        answer: () =>
          (wait.isAdvanced ? read(userId, query) : Effect.succeed(empty)).pipe(
            Effect.flatMap(answerWith),
            Effect.provideService(CurrentCaller, caller),
            Effect.catchTags({ UserNotFound: userNotFound, Unavailable: serviceUnavailable }),
            unstored
          )
      })
    )

  /** A call that may wait takes one of its user's places, as a socket does, until it is answered. It never begins with a 304. */
  const poll = Effect.fnUntraced(function* (userId: UserId, query: PollQuery) {
    yield* places.takePoll(userId)
    const release = Effect.sync(() => places.releasePoll(userId))
    const { page, wait } = yield* Effect.onError(firstPage(userId, query), () => release)
    if (wait !== undefined) return yield* answerAfter(wait, userId, query, page)
    yield* release
    return yield* answerWith(page)
  }, Effect.uninterruptible)

  const events = ({ params: { user_id }, query }: Request) => {
    const { limit = EventLimit.byDefault, wait = WaitSeconds.byDefault } = query
    return permit({ _tag: "ReadEvents", of: user_id }).pipe(
      Effect.andThen(permitRows(limit)),
      Effect.andThen(
        wait > 0
          ? poll(user_id, { ...query, wait })
          : unlessKnown(currentTag(user_id), Effect.flatMap(read(user_id, query), answerWith))
      ),
      Effect.catchTags({
        UserNotFound: userNotFound,
        Unavailable: serviceUnavailable,
        TooManyPlaces: tooManyPlaces
      })
    )
  }

  return { events }
})

const COMMA = Buffer.from(",")

/** The JSON array of frames that are JSON in UTF-8 already. */
const arrayOf = (events: ReadonlyArray<InboxEvent>) =>
  new RawJson(
    Buffer.concat([
      Buffer.from("["),
      ...events.flatMap(({ frame }, i) => (i === 0 ? [frame] : [COMMA, frame])),
      Buffer.from("]")
    ])
  )
