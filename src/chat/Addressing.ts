import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import { ConversationNotFound, NotMember } from "../domain/ConversationErrors.ts"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { Draft, GroupDraft } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId } from "../domain/User.ts"
import { type Addressees, ConversationRepo } from "../repo/ConversationRepo.ts"

/** How many conversations' addressees are kept. They never change; the bound is for memory. */
const KEPT = 10_000

const KEPT_FOR = Duration.hours(1)

/** A message to send as its sender gives it: to a user, or to a conversation. */
export type Addressed = Omit<Draft, "receiver_id"> & {
  readonly receiver_id?: UserId | null | undefined
  readonly conversation_id?: ConversationId | null | undefined
}

/** Finds out to whom the messages of a conversation go. */
export class Addressing extends Context.Service<
  Addressing,
  {
    /** The addressees of a conversation, which are kept once they are known. */
    of(id: ConversationId): Effect.Effect<Addressees, ConversationNotFound | Unavailable>
    /**
     * The draft of a message. One to a direct conversation goes to its other user; whether a sender is a member of a group is for
     * the commit to decide.
     */
    draftOf(
      message: Addressed
    ): Effect.Effect<Draft | GroupDraft, ConversationNotFound | NotMember | Unavailable>
  }
>()("minichat/chat/Addressing") {
  static readonly layer = Layer.effect(
    Addressing,
    Effect.gen(function* () {
      const repo = yield* ConversationRepo
      const known = yield* Cache.makeWith(
        (id: ConversationId) =>
          Effect.flatMap(repo.addressees(id), (addressees) =>
            addressees === undefined ? Effect.fail(new ConversationNotFound()) : Effect.succeed(addressees)
          ),
        { capacity: KEPT, timeToLive: (exit) => (Exit.isSuccess(exit) ? KEPT_FOR : Duration.zero) }
      )

      const of: Addressing["Service"]["of"] = (id) => Cache.get(known, id)

      return Addressing.of({
        of,
        draftOf: ({ receiver_id, conversation_id, ...message }) => {
          if (receiver_id != null) return Effect.succeed({ ...message, receiver_id })
          if (conversation_id == null) return Effect.fail(new ConversationNotFound())
          return Effect.flatMap(
            of(conversation_id),
            (addressees): Effect.Effect<Draft | GroupDraft, NotMember> => {
              if (addressees.kind === "group") return Effect.succeed({ ...message, conversation_id })
              const { users } = addressees
              return users.includes(message.sender_id)
                ? Effect.succeed({
                    ...message,
                    receiver_id: users[0] === message.sender_id ? users[1] : users[0]
                  })
                : Effect.fail(new NotMember())
            }
          )
        }
      })
    })
  )
}
