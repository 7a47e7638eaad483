import { Context, DateTime, Effect, Layer, Option, Stream } from "effect"
import type { ConversationId } from "../domain/ConversationId.ts"
import type { ExportRecord } from "../domain/Export.ts"
import type { MessageId } from "../domain/Message.ts"
import type { Unavailable } from "../domain/Unavailable.ts"
import type { UserId, UserNotFound } from "../domain/User.ts"
import { Sessions } from "../presence/Sessions.ts"
import { ExportRepo, type ReactionPlace } from "../repo/ExportRepo.ts"
import { SuspensionRepo } from "../repo/SuspensionRepo.ts"
import { UserRepo } from "../repo/UserRepo.ts"

/** How many records one query reads. A page of the longest messages takes about 600 KiB. */
export const PAGE = 100

/** Hands out what is stored of a user. */
export class Exports extends Context.Service<
  Exports,
  {
    /**
     * Everything about a user, page by page: the next page is read when it is pulled, so one page at a time is in memory. The last
     * record is the `end`. What is written meanwhile may be in it or not.
     */
    of(userId: UserId): Effect.Effect<Stream.Stream<ExportRecord, Unavailable>, UserNotFound | Unavailable>
  }
>()("minichat/chat/Exports") {
  static readonly layer = Layer.effect(
    Exports,
    Effect.gen(function* () {
      const users = yield* UserRepo
      const repo = yield* ExportRepo
      const suspensions = yield* SuspensionRepo
      const sessions = yield* Sessions

      /** The records after a place: a page that is not full is the last. */
      const pages = <A extends ExportRecord, Place>(
        read: (after: Place | undefined) => Effect.Effect<ReadonlyArray<A>, Unavailable>,
        placeOf: (record: A) => Place
      ): Stream.Stream<ExportRecord, Unavailable> =>
        Stream.paginate(Option.none<Place>(), (after) =>
          Effect.map(
            read(Option.getOrUndefined(after)),
            (records): readonly [ReadonlyArray<ExportRecord>, Option.Option<Option.Option<Place>>] => [
              records,
              records.length < PAGE ? Option.none() : Option.some(Option.some(placeOf(records.at(-1)!)))
            ]
          )
        )

      const of: Exports["Service"]["of"] = Effect.fnUntraced(function* (userId) {
        const user = yield* users.find(userId)
        const { suspended_at } = yield* suspensions.find(userId)
        const lastSeen = Option.getOrUndefined((yield* sessions.presence(userId)).lastSeen)
        let records = 0
        const profile: ExportRecord = {
          type: "profile",
          user,
          ...(lastSeen === undefined ? {} : { last_seen: DateTime.formatIso(lastSeen) }),
          ...(suspended_at === null ? {} : { suspended_at })
        }
        return Stream.make(profile).pipe(
          Stream.concat(
            pages(
              (after: ConversationId | undefined) => repo.conversations(userId, after, PAGE),
              ({ conversation }) => conversation.id
            )
          ),
          Stream.concat(
            pages(
              (after: MessageId | undefined) => repo.messages(userId, after, PAGE),
              ({ message }) => message.id
            )
          ),
          Stream.concat(
            pages(
              (after: ReactionPlace | undefined) => repo.reactions(userId, after, PAGE),
              ({ message_id, emoji }) => ({ messageId: message_id, emoji })
            )
          ),
          Stream.concat(
            pages(
              (after: UserId | undefined) => repo.blocks(userId, after, PAGE),
              ({ user_id }) => user_id
            )
          ),
          Stream.concat(
            pages(
              (after: number | undefined) => repo.reports(userId, after, PAGE),
              ({ id }) => id
            )
          ),
          // Counted by pages: `Stream.tap` hands on each record alone, and each would be a write to the connection of its own.
          Stream.mapArray((page) => {
            records += page.length
            return page
          }),
          Stream.concat(Stream.sync((): ExportRecord => ({ type: "end", records })))
        )
      })

      return Exports.of({ of })
    })
  )
}
