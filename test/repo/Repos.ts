import { randomUUID } from "node:crypto"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Result } from "effect"
import type { Settings } from "../../src/AppConfig.ts"
import { Database } from "../../src/database/Database.ts"
import * as DatabaseEpoch from "../../src/database/DatabaseEpoch.ts"
import type { Draft } from "../../src/domain/Message.ts"
import type { Sent } from "../../src/domain/Send.ts"
import type { UserId } from "../../src/domain/User.ts"
import { Epoch } from "../../src/Epoch.ts"
import { BlockRepo } from "../../src/repo/BlockRepo.ts"
import { ConversationRepo } from "../../src/repo/ConversationRepo.ts"
import { DisconnectRepo } from "../../src/repo/DisconnectRepo.ts"
import { EditRepo } from "../../src/repo/EditRepo.ts"
import { InboxRepo } from "../../src/repo/InboxRepo.ts"
import { MessageRepo } from "../../src/repo/MessageRepo.ts"
import { ProfileRepo } from "../../src/repo/ProfileRepo.ts"
import { ReportRepo } from "../../src/repo/ReportRepo.ts"
import { SearchRepo } from "../../src/repo/SearchRepo.ts"
import { SuspensionRepo } from "../../src/repo/SuspensionRepo.ts"
import { UserRepo } from "../../src/repo/UserRepo.ts"
import * as EmbeddedPool from "../support/EmbeddedPool.ts"
import { freshDatabase, settings } from "../support/Services.ts"

/** The repositories on the database that the settings name; each build of it is a server of its own. */
export const reposOn = (overrides: Partial<Settings>) =>
  Layer.fresh(
    Layer.mergeAll(
      UserRepo.layer,
      MessageRepo.layer,
      ConversationRepo.layer,
      EditRepo.layer,
      ProfileRepo.layer,
      SearchRepo.layer,
      InboxRepo.layer,
      BlockRepo.layer,
      ReportRepo.layer,
      SuspensionRepo.layer,
      DisconnectRepo.layer,
      DatabaseEpoch.layer
    ).pipe(
      Layer.provideMerge(Database.layer),
      Layer.provide([NodeServices.layer, EmbeddedPool.layer]),
      Layer.provide(settings(overrides))
    )
  )

export const memoryRepos = Layer.mergeAll(
  UserRepo.layerMemory,
  MessageRepo.layerMemory,
  ConversationRepo.layerMemory,
  EditRepo.layerMemory,
  ProfileRepo.layerMemory,
  SearchRepo.layerMemory,
  InboxRepo.layerMemory,
  BlockRepo.layerMemory,
  ReportRepo.layerMemory,
  SuspensionRepo.layerMemory,
  Epoch.layerMemory
)

export const embeddedRepos = Layer.unwrap(Effect.map(EmbeddedPool.freshEmbedded, reposOn))

/** On a database of the block's own; only where `databaseUrl` is set. */
export const postgresRepos = Layer.unwrap(Effect.map(freshDatabase, reposOn))

/** A username that no other test uses. */
export const newUsername = () => randomUUID().replaceAll("-", "")

/** Makes users that no other test knows. Their ids ascend. */
export const newUsers = Effect.fnUntraced(function* (count: number) {
  const users = yield* UserRepo
  return yield* Effect.replicateEffect(
    Effect.suspend(() => {
      const username = newUsername()
      return users.create(username, username)
    }),
    count
  )
})

export const newPair = Effect.map(newUsers(2), ([alice, bob]) => ({ alice: alice!, bob: bob! }))

/** A draft between two users. */
export const draft = (
  from: { readonly id: UserId },
  to: { readonly id: UserId },
  content = "hello",
  clientId?: string | null
): Draft => ({
  sender_id: from.id,
  receiver_id: to.id,
  content,
  ...(clientId === undefined ? {} : { client_id: clientId })
})

/** What came of a send, with the numbers of its two events. */
export const withSeqs = ({ message, isRepeat, appended }: Sent) => {
  const seqOf = (type: "message" | "message_sent") => appended.find((event) => event.type === type)?.seq
  const [sender, receiver] = [seqOf("message_sent"), seqOf("message")]
  return {
    message,
    isRepeat,
    seqs: sender === undefined || receiver === undefined ? undefined : { sender, receiver }
  }
}

/** Sends drafts that must not be refused. */
export const sendAll = Effect.fnUntraced(function* (drafts: ReadonlyArray<Draft>) {
  const outcomes = yield* (yield* MessageRepo).send(drafts)
  return yield* Effect.forEach(outcomes, (outcome) => Effect.map(Effect.fromResult(outcome), withSeqs))
})

/** Sends one draft that must not be refused. */
export const sendOne = (one: Draft) => Effect.map(sendAll([one]), ([sent]) => sent!)

/** What became of each draft, in a word. */
export const verdicts = (
  outcomes: ReadonlyArray<Result.Result<{ readonly isRepeat: boolean }, { readonly _tag: string }>>
) =>
  outcomes.map((outcome) =>
    Result.match(outcome, {
      onFailure: ({ _tag }) => _tag,
      onSuccess: ({ isRepeat }) => (isRepeat ? "repeat" : "sent")
    })
  )
