import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Draft, GroupDraft } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { type Addressees, ConversationRepo } from "../repo/ConversationRepo.ts"

/** The addressees of so many conversations are cached. */
const REMEMBERED = 100_000

/** A message as a client sends it: to a user, or to a conversation. */
export interface NewDraft extends Pick<Draft, "content" | "client_id" | "reply_to_id" | "metadata"> {
  readonly receiver_id?: UserId | null
  readonly conversation_id?: ConversationId | null
}

/** Resolves the addressees of messages that name a conversation. */
export class Drafts extends Context.Service<
  Drafts,
  {
    /** To whom messages of a conversation go. The answer never changes, so it is cached. */
    addressees(id: ConversationId): Effect.Effect<Addressees, ConversationNotFound | Unavailable>
    /**
     * Makes a draft of a message. One to a direct conversation gets its other user as receiver. Whether the sender is a member of a
     * group is checked when the draft is sent. A message without addressee is a defect: the caller refuses it before.
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
      const remembered = yield* Cache.makeWith(
        (id: ConversationId) =>
          Effect.flatMap(
            repo.addressees(id),
            (found): Effect.Effect<Addressees, ConversationNotFound> =>
              found === undefined ? Effect.fail(new ConversationNotFound()) : Effect.succeed(found)
          ),
        {
          capacity: REMEMBERED,
          // An unknown conversation is not cached: it may be made at any time.
          timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)
        }
      )
      const addressees = (id: ConversationId) => Cache.get(remembered, id)

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
