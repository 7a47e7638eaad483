import { Effect, Schema } from "effect"
import { ConversationEntry } from "../domain/Conversation.ts"
import { ConversationId } from "../domain/ConversationId.ts"
import { EpochText, Seq } from "../domain/Event.ts"
import { Message } from "../domain/Message.ts"
import { User, UserId } from "../domain/User.ts"
import { initialState, type State } from "./State.ts"

/** How many conversations a snapshot has, and of how many the messages: those with the latest activity. */
const CONVERSATIONS = 200
const TIMELINES = 20

/** How many messages of a conversation a snapshot has: the newest ones. */
const MESSAGES = 50

/**
 * What is kept of the state, in one value. The cursor is in it, and is the cursor of this state and of no other: two tabs that
 * share a storage write whole snapshots over one another, and each goes on from its own cursor in memory.
 */
const Snapshot = Schema.Struct({
  version: Schema.Literal(1),
  user_id: UserId,
  cursor: Seq,
  epoch: EpochText,
  /** Once it was loaded: an earlier release has none. */
  profile: Schema.optional(User),
  /** By activity, the newest first. */
  conversations: Schema.Array(ConversationEntry),
  /** Whether these are all that were loaded. Otherwise the first page is loaded anew: where the next one is, is not known. */
  isWhole: Schema.Boolean,
  next: Schema.NullOr(Schema.Finite),
  wanted: Schema.Array(ConversationId),
  timelines: Schema.Array(
    Schema.Struct({ id: ConversationId, messages: Schema.Array(Message), hasOlder: Schema.Boolean })
  )
})

const decode = Schema.decodeUnknownEffect(Snapshot)

/** Whether the state is one to go on from: everything was loaded, and no answer is due. */
export const isComplete = ({ sync, list }: State): boolean =>
  sync.cursor !== undefined && sync.epoch !== undefined && list.isLoaded && sync.requests.size === 0

export const encodeSnapshot = (state: State): typeof Snapshot.Type => {
  const shown = state.order.slice(0, CONVERSATIONS)
  const conversations = shown.map((id) => state.conversations.get(id)!)
  return {
    version: 1,
    user_id: state.userId,
    cursor: state.sync.cursor!,
    epoch: state.sync.epoch!,
    profile: state.profile,
    conversations,
    isWhole: shown.length === state.order.length,
    next: state.list.next,
    wanted: [...state.sync.wanted],
    timelines: shown
      .flatMap((id) => {
        const timeline = state.timelines.get(id)
        if (timeline === undefined || timeline.hasNewer || timeline.isLoading) return []
        const messages = timeline.messages.slice(-MESSAGES)
        return [{ id, messages, hasOlder: timeline.hasOlder || messages.length < timeline.messages.length }]
      })
      .slice(0, TIMELINES)
  }
}

/** The state of a snapshot; `undefined` when there is none that this release understands. */
export const decodeSnapshot = (value: unknown, userId: UserId): Effect.Effect<Partial<State> | undefined> =>
  decode(value).pipe(
    Effect.map((snapshot): Partial<State> | undefined =>
      snapshot.user_id !== userId
        ? undefined
        : {
            profile: snapshot.profile,
            conversations: new Map(
              snapshot.conversations.map((conversation) => [conversation.id, conversation])
            ),
            order: snapshot.conversations.map(({ id }) => id),
            list: { isLoaded: snapshot.isWhole, next: snapshot.next },
            timelines: new Map(
              snapshot.timelines.map(({ id, messages, hasOlder }) => [
                id,
                { messages, hasOlder, hasNewer: false, isLoading: false, around: undefined, load: 0 }
              ])
            ),
            sync: {
              ...initialState(userId).sync,
              cursor: snapshot.cursor,
              epoch: snapshot.epoch,
              wanted: new Set(snapshot.wanted)
            }
          }
    ),
    Effect.orElseSucceed(() => undefined)
  )
