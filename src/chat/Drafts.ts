import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Draft, GroupDraft } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { afterEachChange, Epoch } from "../Epoch.ts"
import { type Addressees, ConversationRepo } from "../repo/ConversationRepo.ts"

/** How many conversations the cache of addressees holds at most. */
const CACHED = 100_000

/** A message as a client sends it: to a user, or to a conversation. */
export interface NewDraft extends Pick<Draft, "content" | "client_id" | "reply_to_id" | "metadata"> {
  readonly receiver_id?: UserId | null
  readonly conversation_id?: ConversationId | null
}

/** Makes drafts of messages: looks up the addressee of one that names a conversation. */
export class Drafts extends Context.Service<
  Drafts,
  {
    /**
     * The addressees of a conversation: its two users, or the group itself. They never change within the history of a database, so
     * they are cached until another history begins (see `Epoch`).
     */
    addressees(id: ConversationId): Effect.Effect<Addressees, ConversationNotFound | Unavailable>
    /**
     * Makes a draft of a message. One to a direct conversation gets its other user as receiver. Whether the sender is a member of a
     * group is checked when the draft is sent. Callers refuse a message with no addressee or with two; one with none is a defect here.
     */
    of(
      sender: UserId,
      message: NewDraft
    ): Effect.Effect<Draft | GroupDraft, ConversationNotFound | NotMember | Unavailable>
  }
>()("minichat/chat/Drafts") {
  static readonly layer = Layer.effect(
    Drafts,
    Effect.gen(function* () {
      const repo = yield* ConversationRepo
      const cached = yield* Cache.makeWith(
        (id: ConversationId) =>
          Effect.flatMap(
            repo.addressees(id),
            (found): Effect.Effect<Addressees, ConversationNotFound> =>
              found === undefined ? Effect.fail(new ConversationNotFound()) : Effect.succeed(found)
          ),
        {
          capacity: CACHED,
          // An unknown conversation is not cached: it may be made at any time.
          timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)
        }
      )
      // A restored database assigns the ids of conversations a second time.
      yield* afterEachChange(yield* Epoch, Cache.invalidateAll(cached))
      const addressees = (id: ConversationId) => Cache.get(cached, id)

      const of: Drafts["Service"]["of"] = (sender, { receiver_id, conversation_id, ...message }) => {
        const draft = { ...message, sender_id: sender }
        if (receiver_id != null) return Effect.succeed({ ...draft, receiver_id })
        if (conversation_id == null)
          return Effect.die(new Error("A message without receiver and conversation"))
        return Effect.flatMap(
          addressees(conversation_id),
          (to): Effect.Effect<Draft | GroupDraft, NotMember> => {
            if (to.kind === "group") return Effect.succeed({ ...draft, conversation_id })
            if (!to.users.includes(sender)) return Effect.fail(new NotMember())
            const [low, high] = to.users
            return Effect.succeed({ ...draft, receiver_id: low === sender ? high : low })
          }
        )
      }

      return Drafts.of({ addressees, of })
    })
  )
}
